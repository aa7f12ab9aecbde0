package host

// Notice is something that happened to an organ, besides finished batches.
type Notice struct {
	Kind  NoticeKind
	Organ *Organ
	Lane  *Lane
	Err   error
}

// NoticeKind is the kind of a Notice.
type NoticeKind uint8

// The kinds of Notice.
const (
	// LaneReady: a lane that was down takes batches again. It comes once for every batch that was
	// Down, unless the organ stops before.
	LaneReady NoticeKind = iota
	// Restarting: a lane restarts, or its cell is recovered, because of Err.
	Restarting
	// BudgetSpent: the organ has used up its restarts. Its lanes still come back, at the
	// longest delay; whether it gets work is the owner's business (its breaker opens).
	BudgetSpent
	// HandlerAbandoned: a handler ignored the end of its context; its lane has a new actor.
	HandlerAbandoned
	// HandlerReturned: an abandoned handler has come back after all.
	HandlerReturned
	// CellQuarantined: a stored cell cannot be trusted. The others go on.
	CellQuarantined
)
