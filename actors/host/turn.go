package host

import "sync/atomic"

// turn is one actor's current work, as the watch sees it. Its word is a state, and above it a number
// that grows with every call of a handler, so that two calls never look the same. Whoever
// moves it from running owns the result: the actor (to idle), or the watch (to abandoned), never both.
type turn struct {
	word atomic.Uint64

	// The actor writes these before the word says running, the watch reads them after
	// it has moved the word.
	number   uint64
	batch    *Batch    // what is being handled: a batch,
	question *question // or a question
	group    int       // items the call handles; 0 when it rebuilds a cell or answers
}

const (
	turnIdle uint64 = iota // must be 0
	turnRunning
	turnAbandoned

	turnStateBits = 2
	turnStateMask = 1<<turnStateBits - 1
)

// start says that the next group items of the batch are now in their handler.
func (t *turn) start(group int) {
	t.group = group
	t.number++
	t.word.Store(t.number<<turnStateBits | turnRunning)
}

// finish claims the result of what start began; false: it was abandoned meanwhile.
func (t *turn) finish() bool {
	idle := t.number << turnStateBits
	return t.word.CompareAndSwap(idle|turnRunning, idle)
}

// abandon claims for the watch what it has seen as word.
func (t *turn) abandon(word uint64) bool {
	return t.word.CompareAndSwap(word, word&^turnStateMask|turnAbandoned)
}

func (t *turn) state() uint64 { return t.word.Load() & turnStateMask }
