package redisstream

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// A machine that fails leaves the file cut anywhere. Of every commit all is there then, or nothing.
func TestAFileThatIsCutHoldsEachCommitWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	const commits, cuts = 20, 30
	server := redistest.Start(t, redistest.AOF("always"))
	y := newYardOn(t, server)
	a := y.node("a", loose("mail"), strict("sum"))
	for i := range commits {
		a.publish("k", fmt.Sprint(i))
	}
	begin := size(t, server.AOFPath())
	for i := range commits {
		d := a.pull(1, fmt.Sprint(i))[0]
		sum := a.changed(d, 1, uint64(i))
		sum.Emitted = a.done(d, 1, fmt.Sprint(i)).Emitted
		require.Equal(t, []spine.AnswerCode{spine.Settled, spine.Settled}, a.settle(sum, a.retry(d, 0, 1, time.Hour)))
	}
	end := size(t, server.AOFPath())
	server.Kill()
	dice := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	seen := map[string]bool{}
	for range cuts {
		cut := begin + dice.Int64N(end-begin)
		t.Log("cut at", cut)
		f := y.cut(server, cut)
		done := parseNumber(f.Commit)
		seen[f.Commit] = true
		assert.Len(t, f.Effects, int(done))
		assert.Len(t, f.Pending["d"], int(done))
		assert.Equal(t, int(done), f.Due)
		assert.Equal(t, int(done), f.Progress)
		assert.Equal(t, formatNumber(done), orZeroes(f.Changes["3:sum:k"]))
		assert.LessOrEqual(t, done, parseNumber(f.Pull))
		assert.Equal(t, commits, f.Unsettled)
		assert.LessOrEqual(t, len(f.Pending["o"]), 2)
	}
	assert.Greater(t, len(seen), 5)
}

func orZeroes(n string) string {
	if n == "" {
		return "0"
	}
	return n
}

func size(t *testing.T, path string) int64 {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

// cut starts another server with what there is of the file, and returns the facts in it.
func (y *yard) cut(server *redistest.Server, at int64) facts {
	y.Helper()
	folder := y.TempDir()
	require.NoError(y, os.CopyFS(filepath.Join(folder, "appendonlydir"), os.DirFS(filepath.Join(server.Dir(), "appendonlydir"))))
	require.NoError(y, os.Truncate(filepath.Join(folder, "appendonlydir", filepath.Base(server.AOFPath())), at))
	other := redistest.Start(y.T, redistest.AOF("always"), redistest.Dir(folder))
	defer other.Stop()
	copied := &yard{T: y.T, server: other, keys: y.keys}
	return copied.facts("mail", "sum")
}
