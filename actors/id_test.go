package actors_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// goldenRows reads the rows of a golden file: fields split at tabs, # for comments.
func goldenRows(t *testing.T, file string, columns int) [][]string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	var rows [][]string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(line, "\t")
		require.Lenf(t, row, columns, "%s: %q", file, line)
		rows = append(rows, row)
	}
	require.NotEmpty(t, rows)
	return rows
}

func TestNewIDHasVersion4Layout(t *testing.T) {
	t.Parallel()
	seen := map[actors.ID]bool{}
	for range 1000 {
		id := actors.NewID()
		text := id.String()
		assert.Equal(t, byte('4'), text[14], text)
		assert.Contains(t, "89ab", text[19:20], text)
		assert.False(t, seen[id], "the same id twice: %s", text)
		seen[id] = true
	}
}

func TestIDHasOneText(t *testing.T) {
	t.Parallel()
	const text = "01234567-89ab-4def-8123-456789abcdef"
	id, err := actors.ParseID(text)
	require.NoError(t, err)
	assert.Equal(t, text, id.String())
	upper, err := actors.ParseID(strings.ToUpper(text))
	require.NoError(t, err)
	assert.Equal(t, id, upper)

	for _, other := range []string{
		"", "01234567", "{" + text + "}", "urn:uuid:" + text, strings.ReplaceAll(text, "-", ""),
		text + " ", " " + text[1:], text[:35] + "g", strings.Replace(text, "-", "_", 1),
		"0123456-789ab-4def-8123-456789abcdef", strings.Repeat("x", 1000),
	} {
		_, err := actors.ParseID(other)
		require.ErrorIs(t, err, actors.ErrID, "%q", other)
		assert.Less(t, len(err.Error()), 200)
	}
}

func TestIDErrorsNameTheText(t *testing.T) {
	t.Parallel()
	_, err := actors.ParseID("not-an-id")
	requireMentions(t, err, `"not-an-id"`)
}

func TestIDTravelsAsText(t *testing.T) {
	t.Parallel()
	id := actors.NewID()
	data, err := json.Marshal(map[string]actors.ID{"id": id})
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"`+id.String()+`"}`, string(data))
	var back map[string]actors.ID
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, id, back["id"])

	kept := id
	require.ErrorIs(t, kept.UnmarshalText([]byte("no")), actors.ErrID)
	assert.Equal(t, id, kept, "a refused text must not change the id")
}

func TestZeroIDIsNone(t *testing.T) {
	t.Parallel()
	assert.True(t, actors.ID{}.IsZero())
	assert.False(t, actors.NewID().IsZero())
}

// TestDerivedIDsNeverChange holds ids to vectors computed outside Go: a store full of
// events recognises a repeated emission by nothing else.
func TestDerivedIDsNeverChange(t *testing.T) {
	t.Parallel()
	for _, row := range goldenRows(t, "ids.golden", 5) {
		parent, err := actors.ParseID(row[0])
		require.NoError(t, err)
		var pos int
		_, err = fmt.Sscan(row[3], &pos)
		require.NoError(t, err)

		ev := root(t, actors.With(Ping{}, parent))
		s := actors.NewStamper(actors.StamperOptions{Service: row[1], Organ: row[2]})
		got, err := s.Emission(ev, pos, Ping{}, birth)
		require.NoError(t, err)
		assert.Equal(t, row[4], got.ID().String(), "%v", row)
	}
}

func TestDerivedIDsDependOnEverything(t *testing.T) {
	t.Parallel()
	parents := []actors.Event{root(t, Ping{}), root(t, Ping{})}
	names := [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", ""}, {"", "a"}}
	seen := map[actors.ID]string{}
	for i, parent := range parents {
		for _, name := range names {
			s := actors.NewStamper(actors.StamperOptions{Service: name[0], Organ: name[1]})
			for pos := range 3 {
				ev, err := s.Emission(parent, pos, Ping{}, birth)
				require.NoError(t, err)
				what := fmt.Sprint(i, name, pos)
				assert.Empty(t, seen[ev.ID()], what)
				seen[ev.ID()] = what
			}
		}
	}
}

func TestRepeatedEmissionHasTheSameID(t *testing.T) {
	t.Parallel()
	parent := root(t, Ping{})
	first := emission(t, parent, Ping{N: 1})
	again := emission(t, arrived(t, parent), Ping{N: 2})
	assert.Equal(t, first.ID(), again.ID())
}
