package spine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// quickOrgans is a core of n organs that handle an event in a microsecond, of which two may be at work at a
// time. Each has an event.
func quickOrgans(t *testing.T, n int) *core {
	t.Helper()
	var organs []*organ
	s := Service{Name: "s"}
	for i := range n {
		o := organWith(fmt.Sprintf("o%d", i), supervision.Policy{Exhausted: supervision.Store}, false, false)
		o.pace = time.Microsecond
		organs = append(organs, o)
		s.Organs = append(s.Organs, OrganSpec{Name: o.name, Types: []string{o.name}})
	}
	c := coreWith(s, 64, organs...)
	c.turns.most = 2
	c.begin(time.Now())
	for i := range n {
		give(c, i)
	}
	return c
}

var quickEvent, _ = actors.NewStamper(actors.StamperOptions{Service: "s"}).Root(talkEvent("QUICK"), time.Now())

// give queues an event for organ i.
func give(c *core, i int) {
	p := c.ledger.take(1, 1)
	n, w := c.ledger.add(p)
	w.event, w.organ = quickEvent, int32(i)
	c.organs[i].inHand++
	c.enqueue(c.organs[i], n)
}

// runs flushes and returns which organs are set off, and their batches.
func runs(c *core) (organs []string, batches []*host.Batch) {
	c.flush()
	for _, r := range c.out.runs {
		organs = append(organs, r.lane.organ.name)
		batches = append(batches, r.batch)
	}
	c.out.runs = nil
	return organs, batches
}

// back returns a batch as handled, after a time.
func back(c *core, i int, b *host.Batch, took time.Duration) {
	now := c.now.Add(took)
	b.Started, b.Ended = c.now, now
	b.Outcomes = make([]host.Outcome, len(b.Items))
	c.finished(now, c.organs[i].lanes[0], b)
}

func TestQuickLanesWorkAFewAtATimeAndInTurn(t *testing.T) {
	t.Parallel()
	c := quickOrgans(t, 5)
	organs, batches := runs(c)
	require.Equal(t, []string{"o0", "o1"}, organs)
	for range 3 {
		give(c, 3) // gathers
	}
	back(c, 0, batches[0], time.Microsecond)
	give(c, 0)
	organs, next := runs(c)
	assert.Equal(t, []string{"o2"}, organs, "o0 has to wait behind those in line")
	back(c, 1, batches[1], time.Microsecond)
	organs, more := runs(c)
	require.Equal(t, []string{"o3"}, organs)
	assert.Len(t, more[0].Items, 4)
	back(c, 2, next[0], time.Microsecond)
	back(c, 3, more[0], time.Microsecond)
	organs, _ = runs(c)
	assert.Equal(t, []string{"o4", "o0"}, organs)
}

func TestWhoSettlesIsToldWhetherMoreIsDoneSoon(t *testing.T) {
	t.Parallel()
	c := quickOrgans(t, 2)
	_, batches := runs(c)
	assert.Equal(t, quickAtWork, c.outlook())
	back(c, 0, batches[0], time.Microsecond)
	c.flush()
	assert.Equal(t, quickAtWork, c.outlook())
	back(c, 1, batches[1], time.Microsecond)
	c.flush()
	assert.Equal(t, allDone, c.outlook(), "their settlements are all that is left")
	done := c.out.chunk
	c.out.chunk = nil
	c.organs[0].pace = 0
	give(c, 0)
	_, batches = runs(c)
	assert.Equal(t, someAtWork, c.outlook())
	c.settled(c.now, done, make([]Answer, len(done.refs)), nil)
	assert.Equal(t, someAtWork, c.outlook())
	back(c, 0, batches[0], time.Microsecond)
	assert.Equal(t, allDone, c.outlook())
}

func TestQuickLaneThatTakesLongGivesUpItsTurn(t *testing.T) {
	t.Parallel()
	c := quickOrgans(t, 4)
	organs, batches := runs(c)
	require.Len(t, organs, 2)
	assert.Equal(t, c.now.Add(quickTime), c.out.wake, "somebody waits, so the time is looked at")
	c.tick(c.now.Add(quickTime - 1))
	organs, _ = runs(c)
	assert.Empty(t, organs)
	c.tick(c.now.Add(1))
	organs, _ = runs(c)
	assert.Equal(t, []string{"o2", "o3"}, organs)
	back(c, 0, batches[0], time.Second) // what had no turn any more gives none back
	give(c, 1)
	organs, _ = runs(c)
	assert.Empty(t, organs, "o2 and o3 have them")
	assert.False(t, c.organs[0].quick(), "it is known to be slow now")
}

func TestSlowAndUnknownLanesWaitForNoTurn(t *testing.T) {
	t.Parallel()
	c := quickOrgans(t, 6)
	c.organs[4].pace, c.organs[5].pace = 0, time.Millisecond
	organs, _ := runs(c)
	assert.Equal(t, []string{"o0", "o1", "o4", "o5"}, organs)
}

func TestLineIsAsLongAsThereAreLanesInIt(t *testing.T) {
	t.Parallel()
	c := quickOrgans(t, 3)
	_, batches := runs(c)
	out := map[int]*host.Batch{0: batches[0], 1: batches[1]}
	for range 1000 {
		for i, b := range out {
			back(c, i, b, time.Microsecond)
			give(c, i)
			delete(out, i)
			break
		}
		organs, batches := runs(c)
		require.Len(t, organs, 1)
		out[c.organNamed(organs[0])] = batches[0]
		require.LessOrEqual(t, len(c.turns.waiting), 4)
	}
}

func (c *core) organNamed(name string) int { return int(c.route.byName[name]) }
