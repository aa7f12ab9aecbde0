package console

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/necrostack/necrostack/actors"
)

// EventID returns an id that is the same for the same words: what is published under it again is
// recognised, by another run of the program too.
func EventID(words ...string) actors.ID {
	h := sha256.New()
	for _, w := range words {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(w)))
		h.Write(size[:])
		h.Write([]byte(w))
	}
	id := actors.ID(h.Sum(nil)[:len(actors.ID{})])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // the layout of version 4
	return id
}
