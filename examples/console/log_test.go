package console_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/console"
)

func TestNobodySitsAtTheNullDevice(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer func() { require.NoError(t, null.Close()) }()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer func() { require.NoError(t, read.Close()) }()
	defer func() { require.NoError(t, write.Close()) }()
	for what, x := range map[string]any{"null device": null, "pipe": read, "reader": strings.NewReader("")} {
		assert.False(t, console.Terminal(x), what)
	}
	// Where there is a terminal, it is one.
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer func() { require.NoError(t, tty.Close()) }()
	assert.True(t, console.Terminal(tty))
}
