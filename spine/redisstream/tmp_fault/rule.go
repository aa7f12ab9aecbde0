package redistest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Action is what a Proxy does with a request; the zero value is Pass. See the package comment for
// what each leaves behind.
type Action struct {
	kind  kind
	delay time.Duration
}

// The actions; Delay makes one more.
var (
	Pass              = Action{}
	DropReplyAndClose = Action{kind: dropReplyAndClose}
	CloseBefore       = Action{kind: closeBefore}
	Blackhole         = Action{kind: blackhole}
	BlackholeReply    = Action{kind: blackholeReply}
)

// Delay closes the client's connection at once and delivers the request after d, on a connection of
// its own that was opened like the client's (HELLO, AUTH, SELECT). Whatever the client did about
// its lost connection, the request comes after it.
func Delay(d time.Duration) Action { return Action{kind: delay, delay: d} }

type kind int

const (
	pass kind = iota
	dropReplyAndClose
	closeBefore
	blackhole
	blackholeReply
	delay
)

// Rule decides about a request: a command with its arguments, the name as the client wrote it. Of
// a transaction it is asked about each command from MULTI to EXEC, and the first answer other than
// Pass counts for the whole of it. A Proxy asks its rule one question at a time, so that a rule needs
// no lock for its own state. It must not keep or change the bytes.
//
// It is not asked about what opens a connection: HELLO, AUTH, SELECT, and CLIENT SETNAME, SETINFO and
// MAINT_NOTIFICATIONS always pass.
type Rule func(command [][]byte) Action

// First is a rule for the first n requests with one of these commands, or of all commands when none is
// named; the others pass.
func First(n int, a Action, commands ...string) Rule {
	return func(command [][]byte) Action {
		if n <= 0 || !isAmong(command, commands) {
			return Pass
		}
		n--
		return a
	}
}

// Random is a rule that lets each request with one of these commands, or each when none is named, have
// one of the actions with a chance from 0 to 1. The same seed and requests give the same actions.
func Random(seed uint64, chance float64, actions []Action, commands ...string) Rule {
	dice := rand.New(rand.NewPCG(seed, 0))
	return func(command [][]byte) Action {
		if len(actions) == 0 || !isAmong(command, commands) || dice.Float64() >= chance {
			return Pass
		}
		return actions[dice.IntN(len(actions))]
	}
}

func isAmong(command [][]byte, names []string) bool {
	return len(names) == 0 || slices.ContainsFunc(names, func(name string) bool {
		return strings.EqualFold(name, string(command[0]))
	})
}

// judge holds the rule of a proxy.
type judge struct {
	mu   sync.Mutex // of the rule
	rule Rule

	asking sync.Mutex // one question at a time; the rule may be replaced by its own answer
}

func (j *judge) follow(r Rule) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rule = r
}

func (j *judge) decide(req request) Action {
	j.asking.Lock()
	defer j.asking.Unlock()
	j.mu.Lock()
	rule := j.rule
	j.mu.Unlock()
	if rule == nil {
		return Pass
	}
	for _, command := range req.commands {
		if a := rule(command); a != Pass {
			return a
		}
	}
	return Pass
}
