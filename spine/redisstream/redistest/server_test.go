package redistest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestServerIsReadyAndEmpty(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)

	assert.Equal(t, "redis://"+s.Addr()+"/0", s.URL())
	client := connect(t, s.URL())
	require.NoError(t, client.Ping(t.Context()).Err())
	assert.Zero(t, client.DBSize(t.Context()).Val())
	assert.Equal(t, map[string]string{"save": ""}, client.ConfigGet(t.Context(), "save").Val())
	assert.Equal(t, map[string]string{"dir": s.Dir()}, client.ConfigGet(t.Context(), "dir").Val())
}

func TestServersStandBesideEachOther(t *testing.T) {
	t.Parallel()
	a, b := redistest.Start(t), redistest.Start(t)

	require.NoError(t, a.Client().Set(t.Context(), "k", "a", 0).Err())
	assert.NotEqual(t, a.Addr(), b.Addr())
	assert.ErrorIs(t, b.Client().Get(t.Context(), "k").Err(), redis.Nil)
}

func TestServerEndsWithTheTest(t *testing.T) {
	t.Parallel()
	var s *redistest.Server
	f := try(t, func(f *fake) {
		s = redistest.Start(f)
		s.Pause() // Not even this keeps it.
	})

	assert.Empty(t, f.errors)
	assert.Empty(t, f.fatals)
	<-s.Ended()
	_, err := net.Dial("tcp", s.Addr())
	assert.Error(t, err)
}

// A test process that is killed runs no cleanup. The test runs itself once more to be killed.
func TestServerEndsWithKilledTests(t *testing.T) {
	const marker = "redistest at "
	if os.Getenv("REDISTEST_TO_BE_KILLED") != "" {
		fmt.Println(marker + redistest.Start(t).Addr())
		select {}
	}
	t.Parallel()
	again := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithKilledTests$", "-test.v")
	again.Env = append(os.Environ(), "REDISTEST_TO_BE_KILLED=yes", "TMPDIR="+t.TempDir())
	out, err := again.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, again.Start())

	conn, err := net.Dial("tcp", addrAfter(t, out, marker))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, again.Process.Kill())
	assert.Error(t, again.Wait())
	require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
	_, err = conn.Read(make([]byte, 1))
	assert.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	assert.Error(t, err)
}

func addrAfter(t *testing.T, out io.Reader, marker string) string {
	t.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, addr, found := strings.Cut(lines.Text(), marker); found {
			return addr
		}
	}
	t.Fatalf("no line with %q: %v", marker, lines.Err())
	return ""
}

func TestKilledServerKeepsWhatIsFlushedAlways(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.AOF("always"))
	addr, pid := s.Addr(), s.PID()
	for i := range 100 {
		require.NoError(t, s.Client().RPush(t.Context(), "list", i).Err())
	}

	s.Kill()
	<-s.Ended()
	assert.Error(t, s.Client().Ping(t.Context()).Err())
	s.Kill() // once more is fine
	s.Restart()

	assert.Equal(t, addr, s.Addr())
	assert.NotEqual(t, pid, s.PID())
	n, err := s.Client().LLen(t.Context(), "list").Result()
	require.NoError(t, err)
	assert.EqualValues(t, 100, n)
}

func TestKilledServerLosesWhatIsNowhere(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	require.NoError(t, s.Client().Set(t.Context(), "k", "v", 0).Err())

	s.Kill()
	s.Restart()
	assert.ErrorIs(t, s.Client().Get(t.Context(), "k").Err(), redis.Nil)
}

func TestStoppedServerKeepsItsFile(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.AOF("no"))
	require.NoError(t, s.Client().Set(t.Context(), "k", "v", 0).Err())

	s.Stop()
	s.Stop() // once more is fine
	s.Restart()
	assert.Equal(t, "v", s.Client().Get(t.Context(), "k").Val())

	pid := s.PID()
	s.Restart() // of a running one
	assert.NotEqual(t, pid, s.PID())
	assert.Equal(t, "v", s.Client().Get(t.Context(), "k").Val())
}

func TestPausedServerSaysNothingAndGoesOn(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	pid := s.PID()
	require.NoError(t, s.Client().Set(t.Context(), "k", "v", 0).Err())

	s.Pause()
	assertTimeout(t, s.Client().Get(shortly(t), "k").Err())
	s.Resume()

	assert.Equal(t, "v", s.Client().Get(t.Context(), "k").Val())
	assert.Equal(t, pid, s.PID())
}

func TestPausedServerCanBeStoppedAndKilled(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.AOF("always"))
	require.NoError(t, s.Client().Set(t.Context(), "k", "v", 0).Err())

	s.Pause()
	s.Stop()
	s.Restart()
	s.Pause()
	s.Kill()
	s.Restart()
	assert.Equal(t, "v", s.Client().Get(t.Context(), "k").Val())
}

func TestEndedServerCannotPause(t *testing.T) {
	t.Parallel()
	f := try(t, func(f *fake) {
		s := redistest.Start(f)
		s.Kill()
		s.Pause()
		s.Resume()
	})
	require.Len(t, f.errors, 2)
	assert.Equal(t, "redistest: pause: redis-server has ended", f.errors[0])
	assert.Equal(t, "redistest: resume: redis-server has ended", f.errors[1])
}

func TestMissingServerFailsTheTest(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // so not parallel
	f := try(t, func(f *fake) { redistest.Start(f) })
	require.Len(t, f.fatals, 1)
	assert.Contains(t, f.fatals[0], "`make setup` installs it")
}

func TestWrongOptionFailsTheTestWithTheServersWords(t *testing.T) {
	t.Parallel()
	f := try(t, func(f *fake) { redistest.Start(f, redistest.Conf("maxmemory", "much")) })
	require.Len(t, f.fatals, 1)
	assert.Contains(t, f.fatals[0], "redis-server has ended")
	assert.Contains(t, f.fatals[0], "argument must be a memory value")
}
