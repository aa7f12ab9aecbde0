package redisstream

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
)

// unanswered requires that a pull has no answer.
func (n *node) unanswered(most int) {
	n.y.Helper()
	ds, err := n.attempt(spine.Want{Events: most})
	require.Error(n.y, err)
	require.Empty(n.y, ds)
}

func TestEntriesOfAPullWithoutAnAnswerAreFoundAgainInOrder(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"that arrived": mute, "that was lost": stray} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a := y.node("a", loose("mail"))
			a.publish("k", "1", "2", "3")
			a.finish(a.pull(1, "1")...)
			lost := a.tap.next(3, guardScript, f)
			a.unanswered(1)
			a.unanswered(1)
			a.unanswered(2) // of whatever it is asked for now
			sent := a.tap.of(guardScript)
			last := sent[len(sent)-1]
			for i, c := range lost.calls {
				assert.Equal(t, c.keys, last.calls[i].keys)
				assert.Equal(t, c.args, last.calls[i].args)
			}
			a.finish(a.pull(1, "2")...)
			a.finish(a.pull(1, "3")...)
			a.nothing()
			y.finished([]string{"mail"}, "1", "2", "3")
		})
	}
}

// Its guard is fenced, and its reads are not: they take an entry all the same, for a consumer that has the same name as the new
// owner's.
func TestThePullOfAZombieIsFencedAndWhatItTookIsFoundInOrder(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.publish("k", "1", "2", "3")
	a.pull(1, "1")
	pull := a.tap.next(1, guardScript, stray)
	a.unanswered(1)
	b.takeOver()
	ds := b.pull(1, "1")
	before := y.facts("sum")
	require.NotContains(t, before.Pending["o"], "3")
	assert.Equal(t, "FENCED", pull.arrive(y)[0])
	f := y.facts("sum")
	assert.Equal(t, before.Pull, f.Pull, "it counts for nothing")
	assert.Equal(t, map[string][]string{"o": {"1", "2", "3"}}, f.Pending)
	b.idle()
	ds = append(ds, b.pull(10, "2", "3")...)
	for i, d := range ds {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(d, 0, uint64(i))))
	}
	a.awaitLoss()
	y.finished([]string{"sum"})
	assert.Equal(t, map[string]string{"3:sum:k": "3"}, y.facts("sum").Changes)
}

// A late copy may run when the pull has been answered, and others after it.
func TestALateCopyOfAPullHandsOutNothingTwice(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", strict("sum"))
	a.publish("k", "1", "2", "3")
	pull := a.tap.next(1, guardScript, stray)
	a.unanswered(1)
	ds := a.pull(1, "1")
	require.Equal(t, "OK", pull.arrive(y)[0], "the last one")
	assert.Equal(t, map[string][]string{"o": {"1", "2"}}, y.facts("sum").Pending, "the copy took one more")
	a.idle()
	ds = append(ds, a.pull(1, "2")...)
	require.Equal(t, "REACQUIRE", pull.arrive(y)[0], "the one before the last")
	a.idle()
	ds = append(ds, a.pull(1, "3")...)
	for i, d := range ds {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(d, 0, uint64(i))))
	}
	a.nothing()
	y.finished([]string{"sum"})
}

// The reads of one pull bring what is pending and what is new. As long as the first part is full, more of it is to come.
func TestATakeoverReadsWhatIsPendingBeforeWhatIsNew(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	a.publish("k", "1", "2", "3", "4", "5")
	a.pull(4, "1", "2", "3", "4")
	a.publish("k", "6", "7")
	b.takeOver()
	var ds []spine.Delivery
	for _, text := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		ds = append(ds, b.pull(1, text)...)
	}
	for i, d := range ds {
		require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(d, 0, uint64(i))))
	}
	b.nothing()
	y.finished([]string{"sum"})
}

// What kills processes is not what fails: taking an event over counts for nothing but a suspicion.
func TestTakeoversAreNoAttempts(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	d := a.pull(1, "1")[0]
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.retry(d, 0, 2, 0)))
	for i := range 4 {
		next := y.node("next"+string(rune('0'+i)), loose("mail"))
		next.takeOver()
		d = next.pull(1, "1")[0]
		require.Len(t, d.Todo, 1)
		assert.Equal(t, 2, d.Todo[0].Attempts)
		a = next
	}
	a.finish(d)
	y.finished([]string{"mail"}, "1")
}

// A second copy of an acquisition could install a token a second time, behind the back of everybody: there is none.
func TestAnAcquisitionIsSentOnceForEachToken(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", loose("mail")), y.node("b", loose("mail"))
	a.publish("k", "1")
	b.contend(y.soon())
	late := b.tap.next(2, acquireScript, stray)
	require.NoError(t, y.server.Client().HSet(y.soon(), a.shards[0].own, "tok", "").Err())
	b.contend(y.soon())
	require.Empty(t, b.token())
	b.contend(y.soon())
	lost := b.tap.next(1, acquireScript, mute)
	b.contend(y.soon())
	lost.come(y)
	require.Empty(t, b.token(), "it has it, and does not know")
	b.contend(y.soon())
	require.NotEmpty(t, b.token(), "what it asked for itself is nobody's")
	assert.Equal(t, []string{"HELD"}, late.arrive(y), "one that comes late")
	b.finish(b.pull(1, "1")...)
	tokens := map[any]bool{}
	for _, r := range b.tap.of(acquireScript) {
		token := r.calls[0].args[2]
		assert.False(t, tokens[token], "sent twice")
		tokens[token] = true
	}
	assert.GreaterOrEqual(t, len(tokens), 4)
	y.finished([]string{"mail"}, "1")
}

// Without the numbers of the owner before, its requests that are still under way would be those of the new one.
func TestATakeoverGoesOnWithTheNumbers(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", loose("mail")), y.node("b", loose("mail"))
	a.publish("k", "1", "2")
	a.finish(a.pull(1, "1")...)
	before := y.facts("mail")
	b.takeOver()
	after := y.facts("mail")
	assert.Equal(t, before, after)
	b.finish(b.pull(1, "2")...)
	assert.Equal(t, "2", y.facts("mail").Commit)
}

// A cell that a zombie reads may be that of a future which is then rolled back.
func TestACellIsReadByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", strict("sum")), y.node("b", strict("sum"))
	cell := persistence.Cell{Organ: "sum", Key: "k"}
	a.publish("k", "1", "2")
	ds := a.pull(2, "1", "2")
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[0], 0, 0)))
	load := a.tap.next(1, loadScript, stray)
	hs, err := a.Load(y.soon(), []persistence.Cell{cell}, nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, hs[0].Last)
	require.Equal(t, []string{"OK"}, load.arrive(y))

	s := a.shards[0]
	own, name := []string{s.own, s.cell("sum", "k")}, a.token()
	assert.Equal(t, "OK", y.ask(a, loadScript, own, name, "1", "", "n"))
	assert.Equal(t, "REACQUIRE", y.ask(a, loadScript, own, name, "2", "", "n"), "the store has lost a commit that was answered")
	b.takeOver()
	assert.Equal(t, []string{"FENCED"}, load.arrive(y))
	for _, script := range []*script{progressScript, renewScript, releaseScript, snapshotScript, trimCellScript, expireScript, undeferScript, suspectScript} {
		assert.Equal(t, "FENCED", y.ask(a, script, own, name, "1", "1", "1", "x", "y"), script.name)
	}
	_, err = a.Load(y.soon(), []persistence.Cell{cell}, nil)
	require.ErrorIs(t, err, errLost)
	assert.Equal(t, map[string]string{"3:sum:k": "1"}, y.facts("sum").Changes)
}
