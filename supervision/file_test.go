package supervision_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/supervision"
)

var organs = []string{"auditor", "clerk", "mailer"}

func parse(text string) (supervision.Policies, error) {
	return supervision.ParsePolicies(strings.NewReader(text), organs)
}

func TestFileSetsEveryField(t *testing.T) {
	t.Parallel()
	ps, err := parse(`
organs:
  mailer:
    attempts: 8
    backoff: {base: 1s, factor: 2.5, max: 1m30s, jitter: 0}
    exhausted: nack
    timeout: 5s
    max_deliveries: 40
    restarts: {max: 10, within: 2m}
    breaker: {failures: 6, open: 45s}
`)
	require.NoError(t, err)
	want := supervision.Policy{
		Retry: supervision.Retry{
			Attempts: 8,
			Backoff:  supervision.Backoff{Base: time.Second, Factor: 2.5, Max: 90 * time.Second},
		},
		Exhausted:     supervision.Nack,
		Timeout:       5 * time.Second,
		MaxDeliveries: 40,
		Restarts:      supervision.Restarts{Max: 10, Within: 2 * time.Minute},
		Breaker:       supervision.BreakerPolicy{Failures: 6, Open: 45 * time.Second},
	}
	assert.Equal(t, want, ps.Organs["mailer"])
	assert.Equal(t, want, ps.For("mailer"), "no jitter stays no jitter")
	assert.Equal(t, supervision.Default(), ps.For("clerk"))
}

func TestOrganInheritsFromDefaultAndThatFromTheLibrary(t *testing.T) {
	t.Parallel()
	ps, err := parse(`
organs:               # default: may come last
  mailer:
    backoff: {max: 10s}
default:
  attempts: 7
  backoff: {base: 200ms}
  exhausted: log
`)
	require.NoError(t, err)
	common := supervision.Default()
	common.Retry.Attempts, common.Retry.Backoff.Base, common.Exhausted = 7, 200*time.Millisecond, supervision.Log
	assert.Equal(t, common, ps.Default)
	assert.Equal(t, common, ps.For("clerk"))

	own := common
	own.Retry.Backoff.Max = 10 * time.Second
	assert.Equal(t, own, ps.For("mailer"))
}

func TestFileMayBeShort(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"default: {}", "organs: {}", "organs: {mailer: {}}", "---\ndefault: {}\n...\n", "\ufeffdefault: {}",
		`{"default": {"attempts": 5, "backoff": {"factor": 4.0}}}`, "# nothing but defaults\ndefault: {}\n# end",
	} {
		ps, err := parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, supervision.Default(), ps.For("mailer"), text)
	}
}

// Each file of testdata/policies is full of mistakes; beside it stands what the user is told.
func TestFileWithoutDefaultLeavesItToOthers(t *testing.T) {
	t.Parallel()
	ps, err := parse("organs: {mailer: {attempts: 8}}")
	require.NoError(t, err)
	assert.Zero(t, ps.Default)
	ps, err = parse("default: {exhausted: store}")
	require.NoError(t, err)
	assert.Equal(t, supervision.Default(), ps.Default, "said, if to no avail")
}

func TestAllMistakesOfAFileAreReported(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/policies/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			ps, err := parse(string(text))
			require.Error(t, err)
			assert.Equal(t, supervision.Policies{}, ps, "nothing of a file with mistakes is used")
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func TestEmptyFileIsAMistake(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "~", "null", "{}", "\ufeff"} {
		_, err := parse(text)
		assert.EqualError(t, err, "policy file, line 1: the file is empty, want default or organs", "%q", text)
	}
}

func TestTextThatIsNoYAMLIsOneMistake(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"default: [":                            "line 1",
		"default: {}\n\torgans: {}":             "line 2",
		"default: {}\n--- [\n":                  "line 2",
		"default: *nobody":                      "nobody",
		"default:\n  attempts: 5\n bad: indent": "line 2",
		"\xff\xfe\xfd":                          "yaml",
	} {
		_, err := parse(text)
		require.Error(t, err, "%q", text)
		assert.Contains(t, err.Error(), "policy file: yaml: ", "%q", text)
		assert.Contains(t, err.Error(), want, "%q", text)
	}
}

func TestFileIsBounded(t *testing.T) {
	t.Parallel()
	text := "default: {}\n#"
	fits := text + strings.Repeat(".", supervision.FileLimit-len(text))
	_, err := parse(fits)
	require.NoError(t, err)
	_, err = parse(fits + ".")
	assert.EqualError(t, err, "policy file: larger than 1048576 bytes")
}

func TestReadErrorIsReported(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	_, err := supervision.ParsePolicies(iotest.ErrReader(broken), organs)
	assert.ErrorIs(t, err, broken)
}

func FuzzParsePolicies(f *testing.F) {
	seeds, err := filepath.Glob("testdata/policies/*.yaml")
	require.NoError(f, err)
	for _, path := range seeds {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(string(text))
	}
	for _, text := range []string{
		"", "{}", "default: *a", "default: &a {backoff: *a}", "%YAML 1.1\n---\ndefault: {}", "? {a: b}\n: c",
		"organs: {mailer: {exhausted: nack, attempts: 21}}", "default: {timeout: !!binary MQ==}", "a: 'b", "default: {}\n---\n[",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ps, err := parse(text)
		_, again := parse(text)
		require.Equal(t, err, again, "the same file, another answer")
		if err != nil {
			assert.Empty(t, ps)
			for line := range strings.Lines(err.Error()) {
				assert.True(t, strings.HasPrefix(line, "policy file, line ") || strings.HasPrefix(line, "policy file: ") ||
					strings.HasPrefix(line, "  "), "%q", line)
			}
			return
		}
		require.NoError(t, ps.Err())
		assert.Equal(t, ps.Default, ps.For("nobody"))
		for organ, p := range ps.Organs {
			assert.Contains(t, organs, organ)
			assert.Equal(t, p, ps.For(organ), "a policy from a file is complete")
		}
	})
}

func TestFileInheritsFromTheProgramsPolicies(t *testing.T) {
	t.Parallel()
	own := supervision.Policies{
		Default: supervision.Policy{Timeout: time.Second, Exhausted: supervision.Nack},
		Organs:  map[string]supervision.Policy{"a": {Retry: supervision.Retry{Attempts: 3}, Exhausted: supervision.Log}, "b": {Exhausted: supervision.Log}},
	}
	got, err := own.Parse(strings.NewReader(`
default:
  attempts: 7
organs:
  a: {timeout: 4s}
  c: {max_deliveries: 9}
`), []string{"a", "b", "c", "d"})
	require.NoError(t, err)
	a := got.For("a")
	assert.Equal(t, 4*time.Second, a.Timeout)
	assert.Equal(t, 3, a.Retry.Attempts, "the program's, not that of default:")
	assert.Equal(t, supervision.Log, a.Exhausted)
	assert.Equal(t, own.For("b"), got.For("b"), "the file does not speak of it")
	c := got.For("c")
	assert.Equal(t, 9, c.MaxDeliveries)
	assert.Equal(t, 7, c.Retry.Attempts, "from default:")
	assert.Equal(t, time.Second, c.Timeout, "from the program's default")
	assert.Equal(t, supervision.Nack, got.For("d").Exhausted)
	assert.Zero(t, own.Organs["a"].Timeout, "what was read does not change what it was read over")
}
