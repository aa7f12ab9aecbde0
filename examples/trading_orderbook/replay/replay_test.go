package replay_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/replay"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata; review the diff")

// A conversation is a file of commands ("> ") with the lines that answer them
// ("< ") below each. "# " is a remark, "! " chooses an option.
func TestConversations(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			got := hold(t, string(content))
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
				return
			}
			assert.Equal(t, string(content), got)
		})
	}
}

// hold has the conversation of a script again, as a script.
func hold(t *testing.T, script string) string {
	options, input := readScript(t, script)
	answers := strings.SplitAfter(run(t, input, options), "\n")
	commands := 0
	var again strings.Builder
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "< ") {
			continue
		}
		again.WriteString(line)
		if command, ok := strings.CutPrefix(line, "> "); ok && strings.TrimSpace(command) != "" {
			commands++
			answers = writeAnswers(&again, answers, commands)
		}
	}
	writeAnswers(&again, answers, 0)
	return again.String()
}

func readScript(t *testing.T, script string) (options replay.Options, input string) {
	var commands strings.Builder
	for line := range strings.Lines(script) {
		if command, ok := strings.CutPrefix(line, "> "); ok {
			commands.WriteString(command)
		}
		switch option, _ := strings.CutPrefix(strings.TrimSpace(line), "! "); option {
		case "amend-total":
			options.AmendTotal = true
		case "ids-ever":
			options.IDsEver = true
		default:
			require.False(t, strings.HasPrefix(line, "! "), line)
		}
	}
	return options, commands.String()
}

// writeAnswers writes those of one command, or of the end, and returns the rest.
func writeAnswers(to *strings.Builder, answers []string, command int) []string {
	for len(answers) > 0 && answers[0] != "" {
		var head struct{ Cmd int }
		if json.Unmarshal([]byte(answers[0]), &head) != nil || head.Cmd != command {
			break
		}
		to.WriteString("< " + answers[0])
		answers = answers[1:]
	}
	return answers
}

func run(t *testing.T, input string, options replay.Options) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, replay.Run(strings.NewReader(input), &out, options))
	return out.String()
}
