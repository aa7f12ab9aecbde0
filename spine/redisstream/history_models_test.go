package redisstream

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"
)

// machine makes a model of something that has one answer to each request in each state. A request without an answer does what it
// does whenever it is done.
func machine[S, I, O comparable](do func(S, I) (S, O)) porcupine.Model {
	return porcupine.Model{
		Init: func() any { var start S; return start },
		Step: func(state, in, out any) (bool, any) {
			next, answer := do(state.(S), in.(I))
			return out == nil || out.(O) == answer, next
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
	}
}

// lease is who may write to a shard. At any time one token is accepted.
type lease struct {
	token        string
	beat, epoch  uint64
	commit, pull uint64 // numbers of the last ones
}

type leaseAct struct {
	act    string // acquire, renew, release, look, pull, commit
	token  string // it shows; of acquire: the new one
	seen   string // acquire: the owner when it was looked at
	beat   uint64 // and its beat
	number uint64 // of a pull or a commit
	after  uint64 // what it needs: of a pull the last commit, of a commit the last pull
	behind uint64 // of a commit the pull that it brings; 0: none
}

type leaseAnswer struct {
	word, token  string
	beat, epoch  uint64
	commit, pull uint64
}

// do is the lease's side of every script that shows a token.
func (l lease) do(in leaseAct) (lease, leaseAnswer) {
	switch {
	case in.act == "look":
		return l, leaseAnswer{token: l.token, beat: l.beat}
	case in.act == "acquire":
		return l.acquire(in)
	case in.token != l.token:
		return l, leaseAnswer{word: "FENCED"}
	case in.act == "renew":
		l.beat++
	case in.act == "release":
		l.token = ""
	case in.act == "commit" && in.number != l.commit:
		if in.number != l.commit+1 || in.after > l.pull || in.behind > 0 && in.behind != l.pull+1 {
			return l, leaseAnswer{word: "REACQUIRE"}
		}
		l.commit, l.pull = in.number, max(l.pull, in.behind)
	case in.act == "pull":
		if in.after > l.commit || in.number != l.pull && in.number != l.pull+1 {
			return l, leaseAnswer{word: "REACQUIRE"}
		}
		l.pull = in.number
	}
	return l, leaseAnswer{word: "OK"}
}

func (l lease) acquire(in leaseAct) (lease, leaseAnswer) {
	if l.token != "" && (l.token != in.seen || l.beat != in.beat) {
		return l, leaseAnswer{word: "HELD", token: l.token, beat: l.beat}
	}
	answer := leaseAnswer{word: "OK", token: l.token, epoch: l.epoch + 1, commit: l.commit, pull: l.pull}
	l.token, l.beat, l.epoch = in.token, 1, l.epoch+1
	return l, answer
}

// known is whether an id has been published, as often as one may like.
type known bool

type idAct string

const (
	publishID idAct = "publish"
	countID   idAct = "count" // how often it is in the stream
)

func (k known) do(in idAct) (known, string) {
	switch {
	case in == countID && bool(k):
		return k, "1"
	case in == countID:
		return k, "0"
	case bool(k):
		return k, "duplicate"
	default:
		return true, "accepted"
	}
}

// keyed is what was published of a key, and how much of it is in the state of the cell. Texts have one width, and end in a
// comma.
type keyed struct {
	stream  string
	applied int
}

// textWidth is the length of a text.
const textWidth = 6

func textOf(n int64) string { return fmt.Sprintf("%0*d,", textWidth-1, n) }

type keyedAct struct {
	act  string // publish, hand out, settle, load, end
	text string // one, or those that were handed out together
	at   int    // publish: how many are before it in the end; settle: how many the state had
}

func (k keyed) do(in keyedAct) (keyed, string) {
	switch in.act {
	case "publish":
		if len(k.stream) != textWidth*in.at {
			return k, "not its place"
		}
		k.stream += in.text
	case "hand out":
		// What is handed out together has nothing of the key left out in between.
		if !strings.Contains(k.stream, in.text) {
			return k, "not in the stream"
		}
	case "settle":
		if k.applied != in.at || !strings.HasPrefix(k.stream[textWidth*k.applied:], in.text) {
			return k, "not the next"
		}
		k.applied++
	case "load":
		return k, k.stream[:textWidth*k.applied]
	case "end":
		return k, k.stream
	}
	return k, "ok"
}
