package actors

import "context"

// AttemptKey is the context key under which a runtime keeps the *AttemptInfo of the
// attempt a context belongs to.
type AttemptKey struct{}

// AttemptInfo is what EffectKey and Attempt read.
type AttemptInfo struct {
	Event   ID
	Organ   string
	Attempt int // 1 for the first
}

// EffectKey returns "<event id>/<organ>", the same over all attempts: the idempotency key
// to give to the outside world (mail, payment, HTTP), where effects happen at least
// once. Outside a handler it is "". In a SinkBatch use each event's own id. A replayed dead letter is another event, with
// another key.
func EffectKey(ctx context.Context) string {
	a, ok := ctx.Value(AttemptKey{}).(*AttemptInfo)
	if !ok || a == nil {
		return ""
	}
	return a.Event.String() + "/" + a.Organ
}

// Attempt returns which attempt this is, 1 for the first; outside a handler 0.
func Attempt(ctx context.Context) int {
	a, ok := ctx.Value(AttemptKey{}).(*AttemptInfo)
	if !ok || a == nil {
		return 0
	}
	return a.Attempt
}

// WithAttempt returns a context for one attempt. For runtimes and tests.
func WithAttempt(ctx context.Context, a AttemptInfo) context.Context {
	return context.WithValue(ctx, AttemptKey{}, &a)
}
