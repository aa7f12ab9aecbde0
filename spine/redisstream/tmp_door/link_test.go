package redisstream

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sentinel is the password of all tests. It must never be seen.
const sentinel = "S3NTINEL"

func TestAPasswordFileLosesItsLineEndAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "password")
	l := resolved(t, "redis://h", WithPasswordFile(path))
	for content, want := range map[string]string{"a": "a", "a\n": "a", "a\r\n": "a", " a b ": " a b "} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, password, err := l.credentials(context.Background())
		require.NoError(t, err)
		assert.Equal(t, want, password)
	}
	require.NoError(t, os.WriteFile(path, []byte("\n"), 0o600))
	_, _, err := l.credentials(context.Background())
	require.ErrorContains(t, err, fmt.Sprintf("password file %q is empty", path))
	require.NoError(t, os.Remove(path))
	_, _, err = l.credentials(context.Background())
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Not parallel: it sets the environment.
func TestAPasswordVariableIsReadEachTime(t *testing.T) {
	const name = "NECRO_TEST_PASSWORD"
	l := resolved(t, "redis://h", WithPasswordEnv(name))
	for _, want := range []string{"one", "two"} {
		t.Setenv(name, want)
		_, password, err := l.credentials(context.Background())
		require.NoError(t, err)
		assert.Equal(t, want, password)
	}
	t.Setenv(name, "")
	_, _, err := l.credentials(context.Background())
	require.ErrorContains(t, err, `variable "NECRO_TEST_PASSWORD"`)
}
