package redisstream

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// class is what an error says about the request that got it.
type class int

const (
	classNone     class = iota // no error
	classRefused               // definitely not executed, and worth repeating when the server or the way to it is well again
	classUnknown               // nobody knows whether it was executed: only a request that may be repeated is, unchanged
	classAnswered              // the server has answered with an error that repeating does not mend; also redis.Nil
	classClosed                // this client is closed
)

func (c class) String() string {
	switch c {
	case classNone:
		return "none"
	case classRefused:
		return "refused"
	case classUnknown:
		return "unknown"
	case classAnswered:
		return "answered"
	case classClosed:
		return "closed"
	}
	return "invalid"
}

// refusals are the words a server's answer begins with when it has not begun to execute the request. All
// pass: the server finishes loading or a script, gets memory, disk, its replicas or the new password. Of a
// transaction that is given up, the command at fault has the reason, and EXECABORT the others.
var refusals = map[string]bool{
	"LOADING": true, "MASTERDOWN": true, "READONLY": true, "NOREPLICAS": true, "CLUSTERDOWN": true,
	"TRYAGAIN": true, "MISCONF": true, "OOM": true, "BUSY": true, "NOAUTH": true, "WRONGPASS": true,
	"EXECABORT": true,
}

// classOf sorts an error of a request. It looks through wrapping. In doubt it says classUnknown.
func classOf(err error) class {
	var unsent *unsentError
	var answer redis.Error
	switch {
	case err == nil:
		return classNone
	case errors.Is(err, redis.ErrClosed):
		return classClosed
	case errors.As(err, &unsent):
		return classRefused
	case errors.As(err, &answer):
		return classOfAnswer(answer)
	default:
		return classUnknown
	}
}

// classOfAnswer compares the text of an answer, since the server has no other code: its first word. The
// one refusal without a word of its own comes before the server reads a request.
func classOfAnswer(answer redis.Error) class {
	word, _, _ := strings.Cut(answer.Error(), " ")
	if refusals[word] || redis.IsMaxClientsError(answer) {
		return classRefused
	}
	return classAnswered
}

// isWrongType reports that there is something else in a key's place.
func isWrongType(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE") }
