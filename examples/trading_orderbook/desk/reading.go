package desk

import (
	"encoding/binary"
	"errors"
)

// reading reads a state that canonical has written. After what canonical does not write it is bad, nothing is left
// of it, and whatever is read then is zero.
type reading struct {
	rest []byte
	bad  bool
}

// errState reports a state that is damaged, or of another version.
var errState = errors.New("state is damaged, or of another version")

// readingOf reads data, whose first byte is its version.
func readingOf(data []byte, version byte) *reading {
	r := &reading{rest: data}
	if v := r.bytes(1); !r.bad && v[0] != version {
		r.fail()
	}
	return r
}

func (r *reading) fail() { r.rest, r.bad = nil, true }

// end reports what was bad, or that something is left.
func (r *reading) end() error {
	if r.bad || len(r.rest) > 0 {
		return errState
	}
	return nil
}

// bytes returns the next n, which belong to the state.
func (r *reading) bytes(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail()
		return nil
	}
	next := r.rest[:n]
	r.rest = r.rest[n:]
	return next
}

func (r *reading) count() uint64 {
	n, size := binary.Uvarint(r.rest)
	r.skip(size)
	return n
}

func (r *reading) number() int64 {
	n, size := binary.Varint(r.rest)
	r.skip(size)
	return n
}

// skip skips a number; one of no bytes is none.
func (r *reading) skip(size int) {
	if size <= 0 {
		r.fail()
		return
	}
	r.rest = r.rest[size:]
}

func (r *reading) text() string {
	n := r.count()
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	return string(r.bytes(int(n)))
}

func (r *reading) money() Money {
	hi := r.count()
	return Money{hi, r.count()}
}
