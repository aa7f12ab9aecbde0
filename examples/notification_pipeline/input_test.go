package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// at are the lines of the requests, bad the texts of the bad rows.
func told(in input) (at []int, bad []string) {
	for _, r := range in.requests {
		at = append(at, r.line)
	}
	for _, err := range in.bad {
		bad = append(bad, err.Error())
	}
	return at, bad
}

func TestJSONRowsAreReadOneByOne(t *testing.T) {
	t.Parallel()
	row := `{"user_id":"a","channels":["sms"],"message":"Hi","priority":"low"}`
	for _, c := range []struct {
		name, text string
		at         []int
		bad        []string // a part of each
	}{
		{"list", "[\n" + row + ",\n" + row + "\n]", []int{2, 3}, nil},
		{"object", `{"notifications": [` + row + "]}", []int{1}, nil},
		{"empty list", "[]", nil, nil},
		{"byte order mark", "\xef\xbb\xbf[" + row + "]", []int{1}, nil},
		{"wrong type", "[\n" + `{"user_id":"a","channels":"sms"},` + "\n" + row + "]", []int{3}, []string{"line 2: channels is a string, want []string"}},
		{"unknown field", "[" + `{"user":"a"}` + ",\n" + row + "]", []int{2}, []string{`line 1: json: unknown field "user"`}},
		{"not an object", "[\n7,\n" + row + "]", []int{3}, []string{"line 2: "}},
		{"broken in between", "[\n" + row + ",\n{nonsense},\n" + row + "]", []int{2}, []string{"line 3: this is no JSON, and nothing after it was read"}},
		{"cut off", "[\n" + row, []int{2}, []string{"line 2: the list does not end"}},
		{"cut off in a row", "[\n" + row + ",\n" + `{"user_id"`, []int{2}, []string{"line 3: this is no JSON"}},
	} {
		in, err := readJSON([]byte(c.text))
		require.NoError(t, err, c.name)
		at, bad := told(in)
		assert.Equal(t, c.at, at, c.name)
		require.Len(t, bad, len(c.bad), c.name)
		for i, want := range c.bad {
			assert.Contains(t, bad[i], want, c.name)
		}
	}
}

func TestPriorityIsNormalUnlessSaid(t *testing.T) {
	t.Parallel()
	in, err := readJSON([]byte(`[{"user_id":"a","channels":["sms"],"message":"Hi"}]`))
	require.NoError(t, err)
	assert.Equal(t, ask("a", "Hi", "sms"), in.requests[0].NotificationRequested)
	in, err = readCSV([]byte("message,channels,user_id\nHi,sms,a\n"))
	require.NoError(t, err)
	assert.Equal(t, ask("a", "Hi", "sms"), in.requests[0].NotificationRequested)
}

func TestJSONThatIsNoListIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                  "line 1: the file ends here",
		"\n\n7":             "line 3: 7, want a list",
		`{"messages": []}`:  `the field "messages", want a list`,
		`{"notifications":`: "the file ends here",
		"[":                 "",
	} {
		in, err := readJSON([]byte(text))
		if want == "" {
			require.NoError(t, err)
			assert.Len(t, in.bad, 1)
			continue
		}
		assert.ErrorContains(t, err, want, "%q", text)
	}
}

func TestCSVRowsAreReadOneByOne(t *testing.T) {
	t.Parallel()
	in, err := readCSV([]byte(strings.Join([]string{
		"\xef\xbb\xbfuser_id,channels,message,priority",
		`alice,email|sms,"Two lines,`,
		`and a comma",high`,
		"bob,sms",
		"",
		`carol,sms,a "bare quote,low`,
		"dave,,,",
		`erin,sms,"never closed,low`,
	}, "\n")))
	require.NoError(t, err)
	at, bad := told(in)
	assert.Equal(t, []int{2, 7}, at)
	assert.Equal(t, NotificationRequested{Recipient{"alice"}, []string{"email", "sms"}, "Two lines,\nand a comma", "high"},
		in.requests[0].NotificationRequested)
	assert.Equal(t, NotificationRequested{Recipient{"dave"}, nil, "", ""}, in.requests[1].NotificationRequested)
	require.Len(t, bad, 3)
	assert.Equal(t, "line 4: the row has 2 fields, want 4", bad[0])
	assert.Contains(t, bad[1], `line 6: bare " in non-quoted-field`)
	assert.Contains(t, bad[2], "line 8: ")
}

func TestCSVHeaderMustNameTheColumns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "header: EOF",
		"user_id,message\n":               `column "channels" is missing`,
		"user_id,channels,message,prio\n": `unknown column "prio"`,
	} {
		_, err := readCSV([]byte(text))
		assert.ErrorContains(t, err, want, "%q", text)
	}
}

func TestFileNamesItselfInItsErrors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "x.txt")
	require.NoError(t, os.WriteFile(text, []byte("[]"), 0o600))
	for path, want := range map[string]string{
		text:                              `want .json or .csv`,
		filepath.Join(folder, "nix.json"): "no such file",
		folder:                            "is a directory",
	} {
		p := play(t, "", "--file", path)
		require.ErrorContains(t, p.failure, want)
		require.ErrorContains(t, p.failure, path)
		assert.Empty(t, p.out)
	}
}

func TestFileRunReportsBadRowsAndSendsTheRest(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--file", "sample/notifications.csv")
	require.NoError(t, p.failure)
	golden(t, "csv", masked(p.out))
}
