package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func TestRunGreetsEveryVisitorInOrder(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "output.golden")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	if *update {
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String())
}
