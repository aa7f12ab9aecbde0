package redisstream

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

var yardCell = persistence.Cell{Organ: "sum", Key: "k"}

// change pulls what there is, and changes the cell with it, computed on so many changes. It returns how many there are then.
func (n *node) change(base uint64, texts ...string) uint64 {
	n.y.Helper()
	n.publish("k", texts...)
	for _, d := range n.pull(len(texts), texts...) {
		n.y.advance(time.Millisecond)
		require.Equal(n.y, []spine.AnswerCode{spine.Settled}, n.settle(n.changed(d, 0, base)))
		base++
	}
	return base
}

// snapshot is one of the cell as it is now.
func (n *node) snapshot(seq uint64, state string) persistence.Snapshot {
	return persistence.Snapshot{Seq: seq, Version: 1, State: []byte(state), Sum: sha256.Sum256([]byte(state)), At: n.y.clock()}
}

// history loads the cell.
func (n *node) history() persistence.History {
	n.y.Helper()
	hs, err := n.Load(n.y.soon(), []persistence.Cell{yardCell}, nil)
	require.NoError(n.y, err)
	return hs[0]
}

type loaded struct {
	past persistence.History
	err  error
}

// loading loads the cell beside the test.
func (n *node) loading() <-chan loaded {
	answer := make(chan loaded, 1)
	ctx := n.y.soon()
	go func() { // ends with the Load
		hs, err := n.Load(ctx, []persistence.Cell{yardCell}, nil)
		if err != nil {
			hs = make([]persistence.History, 1)
		}
		answer <- loaded{hs[0], err}
	}()
	return answer
}

func (n *node) saving(s persistence.Snapshot) <-chan error {
	answer := make(chan error, 1)
	ctx := n.y.soon()
	go func() { answer <- n.Save(ctx, yardCell, s) }() // ends with the Save
	return answer
}

// whole requires that the parts of a history belong together: a snapshot, and all records behind it.
func whole(t *testing.T, h persistence.History) {
	t.Helper()
	if h.Snapshot.Seq > 0 {
		require.Equal(t, sha256.Sum256(h.Snapshot.State), h.Snapshot.Sum, "the snapshot")
	}
	next := h.Snapshot.Seq + 1
	switch {
	case h.Previous.Seq > 0:
		require.Equal(t, sha256.Sum256(h.Previous.State), h.Previous.Sum, "the snapshot before")
		next = h.Previous.Seq + 1
	case len(h.Records) > 0 && h.Records[0].Seq == 1:
		next = 1 // the fresh state is what was before
	}
	for _, r := range h.Records {
		require.Equal(t, next, r.Seq, "records without a gap")
		next++
	}
	require.Equal(t, h.Last+1, next, "records up to the last change")
}

// A cell is read in pages. Whatever happens between two of them, they are of one content.
func TestACellThatChangesWhileItIsReadIsReadAnew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, meanwhile func(a *node)
		want              uint64 // changes
	}{
		"it is forgotten": {func(a *node) { a.change(0, "1", "2") }, func(a *node) { a.expire() }, 0},
		"it is forgotten and begins anew": {
			func(a *node) { a.change(0, "1", "2") }, func(a *node) { a.expire(); a.change(0, "3", "4") }, 2,
		},
		"a snapshot takes the place of records": {
			func(a *node) {
				a.change(0, "1", "2")
				a.save(a.snapshot(2, "two"))
				a.change(2, "3", "4")
			},
			func(a *node) { a.save(a.snapshot(4, "four")) }, 4,
		},
		"a snapshot takes the place of another": {
			func(a *node) {
				for seq, text := range []string{"1", "2"} {
					a.save(a.snapshot(a.change(uint64(seq), text), text))
				}
				a.change(2, "3")
			},
			func(a *node) { a.save(a.snapshot(3, "three")) }, 3,
		},
		"it changes": {func(a *node) { a.change(0, "1") }, func(a *node) { a.change(1, "2") }, 2},
		"its state is stored in place": {
			func(a *node) { a.change(0, "1", "2") }, func(a *node) { a.changeWhole(2, "3") }, 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a := y.node("a", strict("sum"))
			c.before(a)
			head := a.tap.next(1, loadScript, linger)
			answer := a.loading()
			head.come(y)
			c.meanwhile(a)
			head.goOn()
			got := <-answer
			require.NoError(t, got.err)
			assert.Equal(t, c.want, got.past.Last)
			whole(t, got.past)
		})
	}
}

func (n *node) expire() {
	n.y.Helper()
	forgotten, err := n.Expire(n.y.soon(), "sum", n.y.clock().Add(time.Hour), 10)
	require.NoError(n.y, err)
	require.Equal(n.y, 1, forgotten)
}

func (n *node) save(s persistence.Snapshot) {
	n.y.Helper()
	require.NoError(n.y, n.Save(n.y.soon(), yardCell, s))
}

// changeWhole is change with the state in place.
func (n *node) changeWhole(base uint64, text string) {
	n.y.Helper()
	n.publish("k", text)
	x := n.changed(n.pull(1, text)[0], 0, base)
	x.Change.State = []byte(text)
	require.Equal(n.y, []spine.AnswerCode{spine.Settled}, n.settle(x))
}

func TestACellThatNeverStandsStillIsAnErrorAndNotDamage(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.change(0, "0")
	next := a.tap.next(1, loadScript, linger)
	answer := a.loading()
	for i := range uint64(cellReadings) {
		head := next
		head.come(y)
		a.change(i+1, fmt.Sprint(i+1))
		if i+1 < cellReadings {
			// The records are asked for, in vain, and then the head.
			page := a.tap.next(1, loadScript, linger)
			head.goOn()
			page.come(y)
			next = a.tap.next(1, loadScript, linger)
			page.goOn()
		} else {
			head.goOn()
		}
	}
	got := <-answer
	require.ErrorIs(t, got.err, errCellChanged)
	require.NotErrorIs(t, got.err, persistence.ErrCorrupt)
	assert.EqualValues(t, cellReadings+1, a.history().Last)
}

// The shard may be lost, and be ours again, between two pages.
func TestThePagesOfACellAreReadUnderOneToken(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.change(0, "1")
	head := a.tap.next(1, loadScript, linger)
	answer := a.loading()
	head.come(y)
	b.takeOver()
	a.awaitLoss()
	a.takeOver()
	head.goOn()
	require.ErrorIs(t, (<-answer).err, errLost)
	assert.EqualValues(t, 1, a.history().Last, "it owns the shard")
}

func TestAStateInPlaceIsReadAtOnceHoweverOftenItHasChanged(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	for i := range uint64(3) {
		a.changeWhole(i, fmt.Sprint(i))
	}
	before := len(a.tap.of(loadScript))
	h := a.history()
	assert.EqualValues(t, 3, h.Snapshot.Seq)
	assert.Len(t, a.tap.of(loadScript), before+1)
}

// The snapshot was taken of changes that are gone, and the shard is owned again.
func TestASnapshotOfATimeThatIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1", "2", "3")
	before := y.photo()
	ds := a.pull(2, "1", "2")
	for i, d := range ds {
		y.advance(time.Millisecond)
		require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(d, 0, uint64(i))))
	}
	gone := a.snapshot(2, "gone")
	y.rollBack(before)
	a.awaitLoss()
	a.owns()
	for i, d := range a.pull(3, "1", "2", "3") {
		require.ErrorIs(t, a.Save(y.soon(), yardCell, gone), persistence.ErrConflict, "%d changes", i)
		y.advance(time.Millisecond)
		require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(d, 0, uint64(i))))
	}
	require.ErrorIs(t, a.Save(y.soon(), yardCell, gone), persistence.ErrConflict)
	h := a.history()
	whole(t, h)
	assert.Zero(t, h.Snapshot.Seq)
	a.save(a.snapshot(3, "three"))
	require.NoError(t, a.Save(y.soon(), yardCell, gone), "it is not needed any more")
	h = a.history()
	assert.Equal(t, "three", string(h.Snapshot.State))
	assert.Zero(t, h.Previous.Seq)
}

// The owner's last commit never arrived, another one has made that change, and the shard has come back.
func TestASnapshotOfAChangeThatAnotherNodeHasMadeIsRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.publish("k", "1")
	a.pull(1, "1")
	own := a.snapshot(1, "never stored")
	b.takeOver()
	y.advance(time.Millisecond)
	require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(b.pull(1, "1")[0], 0, 0)))
	a.awaitLoss()
	a.takeOver()
	require.ErrorIs(t, a.Save(y.soon(), yardCell, own), persistence.ErrConflict)
	assert.Zero(t, a.history().Snapshot.Seq)
}

// All pieces are written under the token under which it was found that the snapshot fits.
func TestASnapshotIsNotStoredAcrossALoss(t *testing.T) {
	t.Parallel()
	for pieces := range 2 {
		t.Run(fmt.Sprint("after pieces ", pieces), func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
			a.change(0, "1")
			s := a.snapshot(1, strings.Repeat("x", snapshotPiece+1))
			held := a.tap.next(1, []*script{loadScript, snapshotScript}[pieces], linger)
			answer := a.saving(s)
			held.come(y)
			b.takeOver()
			a.awaitLoss()
			a.takeOver()
			held.goOn()
			require.ErrorIs(t, <-answer, errLost)
			assert.Zero(t, a.history().Snapshot.Seq)
			a.save(s)
			whole(t, a.history())
			assert.EqualValues(t, 1, a.history().Snapshot.Seq)
		})
	}
}

// A piece may come late under the token that still holds, when the cell is another one.
func TestALatePieceOfASnapshotIsRefusedByACellThatIsAnotherOne(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.change(0, "1", "2")
	late := a.tap.next(1, snapshotScript, stray)
	a.save(a.snapshot(2, "the life before"))
	assert.Equal(t, []string{"OK"}, late.arrive(y), "a copy of what is stored changes nothing")
	a.expire()
	assert.Equal(t, []string{"AHEAD"}, late.arrive(y))
	a.change(0, "3", "4", "5")
	assert.Equal(t, []string{"CHANGED"}, late.arrive(y))
	h := a.history()
	whole(t, h)
	assert.Zero(t, h.Snapshot.Seq)
}

func TestSavingCostsOneReadAndNothingWhereItIsSaved(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.change(0, "1", "2")
	s := a.snapshot(2, "two")
	before := len(a.tap.sent)
	a.save(s)
	assert.Len(t, a.tap.sent, before+3, "a read, a piece, and what is to be dropped")
	a.save(s)
	assert.Len(t, a.tap.sent, before+4, "a read")
	a.changeWhole(2, "3")
	a.save(s)
	assert.Equal(t, "3", string(a.history().Snapshot.State))
}

// A lane loads cells of several shards at once. It must not stand still for one that has gone to another node.
func TestALoadDoesNotWaitForAShardThatAnotherNodeHolds(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	cells := []persistence.Cell{{Organ: "sum", Key: "k"}}
	_, err := a.Load(y.soon(), cells, nil)
	require.NoError(t, err)
	_, err = b.Load(y.soon(), cells, nil)
	require.ErrorIs(t, err, errLost, "it is held by a")
	b.takeOver()
	_, err = b.Load(y.soon(), cells, nil)
	require.NoError(t, err)
	_, err = a.Load(y.soon(), cells, nil)
	require.ErrorIs(t, err, errLost, "it has gone to b")
}
