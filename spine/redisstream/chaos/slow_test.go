package chaos_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// slowSource makes the disk slow for whoever loads it: what the server has written but not synced is held
// back in the process, and lost with it.
const slowSource = `
#include <unistd.h>
#include <sys/syscall.h>
int fdatasync(int fd) { usleep(1500000); return syscall(SYS_fdatasync, fd); }
`

// slowDisk makes the redis-servers of this test sync slowly. It cannot be used beside tests that run at the same time.
func slowDisk(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	source, library := filepath.Join(folder, "slow.c"), filepath.Join(folder, "slow.so")
	require.NoError(t, os.WriteFile(source, []byte(slowSource), 0o600))
	out, err := exec.Command("cc", "-shared", "-fPIC", "-o", library, source).CombinedOutput()
	require.NoError(t, err, "%s", out)
	server, err := exec.LookPath("redis-server")
	require.NoError(t, err)
	script := "#!/bin/sh\nLD_PRELOAD='" + library + "' exec '" + server + "' \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "redis-server"), []byte(script), 0o700))
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// hasCompiler tells whether slowDisk can be used.
func hasCompiler() bool {
	_, err := exec.LookPath("cc")
	return err == nil
}
