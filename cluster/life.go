package cluster

import (
	"errors"
	"fmt"
	"slices"
)

// Phase is where a node is in its life. The zero Phase is Joining.
type Phase uint8

// The phases, in their order. The package comment draws how they follow each other.
const (
	Joining  Phase = iota // beats, and owns nothing yet
	Serving               // takes and serves the shards that are its own
	Draining              // takes no more, settles what it has
	Gone                  // does nothing, for good
)

func (p Phase) String() string {
	names := [...]string{"joining", "serving", "draining", "gone"}
	if int(p) >= len(names) {
		return fmt.Sprintf("phase %d", uint8(p))
	}
	return names[p]
}

// Takes reports whether a node may take shards.
func (p Phase) Takes() bool { return p == Serving }

// Owns reports whether a node may have shards.
func (p Phase) Owns() bool { return p == Serving || p == Draining }

// Beats reports whether a node shows that it is alive.
func (p Phase) Beats() bool { return p < Gone }

// ErrTransition reports a step from one phase to another that a life does not have.
var ErrTransition = errors.New("cluster: no such transition")

// Life is the phase of a node and the rules by which it changes. The zero Life is that of a node that
// joins. It is for one goroutine.
type Life struct {
	phase Phase
}

var follows = [...][]Phase{
	Joining:  {Serving, Gone},
	Serving:  {Draining, Gone},
	Draining: {Gone},
	Gone:     nil,
}

// Phase returns where the life is.
func (l *Life) Phase() Phase { return l.phase }

// Enter goes on to a phase. Where that does not follow the present one, the life stays as it is, and
// the error wraps ErrTransition.
func (l *Life) Enter(next Phase) error {
	if !slices.Contains(follows[l.phase], next) {
		return fmt.Errorf("%w: from %q to %q", ErrTransition, l.phase, next)
	}
	l.phase = next
	return nil
}
