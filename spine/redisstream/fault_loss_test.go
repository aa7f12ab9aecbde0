package redisstream

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// As with a disk so slow that the server could not write the last of what it has answered; its nodes live on, and remember.
func TestAServerThatLosesTheEndOfItsFileLosesThatAndNothingElse(t *testing.T) {
	t.Parallel()
	const losses, most = 3, 60_000 // bytes
	p := newPlant(t, redistest.Start(t, redistest.AOF("everysec"), redistest.Conf("auto-aof-rewrite-percentage", "0")))
	w := p.work(p.server.URL(), p.organs())
	dice := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range losses {
		begin := size(t, p.server.AOFPath())
		stop := until(func() { w.orders(20) })
		require.Eventually(t, func() bool { return size(t, p.server.AOFPath()) > begin+2*most }, 20*time.Second, time.Millisecond)
		p.server.Kill()
		loseEnd(t, p.server, most/2+dice.IntN(most/2))
		p.server.Restart()
		stop()
	}
	lost := w.checkButLost()
	t.Log(lost, "of", p.n, "orders are lost") // at times none: then the end of the file was what becomes of older ones
	assert.Less(t, lost, p.n)
}

// loseEnd takes the end off a file, so many bytes and what is left then of a transaction: a server writes those in one go. Of
// one that is cut it would apply what it finds, not at its next start but at the one after that.
func loseEnd(t *testing.T, server *redistest.Server, bytesLost int) {
	t.Helper()
	const end = "*1\r\n$4\r\nEXEC\r\n"
	path := server.AOFPath()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	left := bytes.LastIndex(file[:len(file)-bytesLost], []byte(end)) + len(end)
	t.Log("of", len(file), "bytes are left", left)
	require.NoError(t, os.Truncate(path, int64(left)))
}

// checkButLost is check for a store that has lost events which were accepted, and returns how many. Of each that
// is there everything must be.
func (w *worker) checkButLost() (lost int) {
	p := w.p
	p.Helper()
	w.idle()
	var there []int
	for account, accepted := range p.accepted {
		got, err := spine.Ask[[]int](p.soon(), w, "accounts", account, which{})
		require.NoError(p, err)
		i := 0
		for _, n := range got {
			for i < len(accepted) && accepted[i] != n {
				i++
			}
			require.Less(p, i, len(accepted), "%d of account %s comes again or too late, in %v", n, account, got)
			i++
		}
		totals, err := spine.Ask[[]int](p.soon(), w, "totals", account, which{})
		require.NoError(p, err)
		require.Equal(p, got, totals, account)
		there = append(there, got...)
		lost += len(accepted) - len(got)
	}
	counted, err := spine.Ask[[]int](p.soon(), w, "counts", "all", which{})
	require.NoError(p, err)
	slices.Sort(counted)
	slices.Sort(there)
	require.Equal(p, there, counted)
	p.clean(0)
	return lost
}
