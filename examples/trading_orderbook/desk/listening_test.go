package desk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listening returns the local addresses on which a process listens, as Linux writes them.
func listening(t *testing.T, pid int) []string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var sockets []string
	for _, f := range files {
		if name, err := os.Readlink(f); err == nil {
			sockets = append(sockets, name)
		}
	}
	var found []string
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			const address, state, inode = 1, 3, 9
			words := strings.Fields(line)
			if len(words) > inode && words[state] == "0A" && slices.Contains(sockets, "socket:["+words[inode]+"]") {
				found = append(found, words[address])
			}
		}
	}
	return found
}

// TestListeningSeesWhoListens holds the test of nodes to a process that does.
func TestListeningSeesWhoListens(t *testing.T) {
	t.Parallel()
	house, _ := openHouse(t)
	assert.NotEmpty(t, listening(t, os.Getpid()), house.URL())
}
