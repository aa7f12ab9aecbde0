package redisstream

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/necrostack/necrostack/spine"
)

// streamID is an entry's id in its stream.
type streamID struct{ ms, seq uint64 }

func parseID(text string) (streamID, error) {
	ms, seq, ok := strings.Cut(text, "-")
	var id streamID
	var err, seqErr error
	id.ms, err = strconv.ParseUint(ms, 10, 64)
	id.seq, seqErr = strconv.ParseUint(seq, 10, 64)
	if !ok || err != nil || seqErr != nil {
		return streamID{}, fmt.Errorf("redisstream: %q is no id of a stream", text)
	}
	return id, nil
}

func (id streamID) String() string {
	b := make([]byte, 0, 32)
	b = strconv.AppendUint(b, id.ms, 10)
	b = append(b, '-')
	return string(strconv.AppendUint(b, id.seq, 10))
}

func (id streamID) before(x streamID) bool {
	return id.ms < x.ms || id.ms == x.ms && id.seq < x.seq
}

func (id streamID) position() spine.Position { return spine.Position{Hi: id.ms, Lo: id.seq} }
