package actors

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"
)

// ID identifies an event: a UUID in version 4 layout. The zero ID stands for "none".
//
// ID is also a decoration: With(p, ID(id)) publishes p under a chosen id.
type ID [16]byte

// ErrID reports text or bytes that are no UUID.
var ErrID = errors.New("actors: not a UUID")

// NewID returns a random id. It is unpredictable enough to be unique, not to be a secret.
func NewID() ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id.version4()
}

// ParseID reads the canonical form of 36 characters, in either case. Other
// spellings of a UUID (braces, urn:uuid:, no hyphens) are refused, so that one
// id has one text. It returns an error that wraps ErrID.
func ParseID(s string) (ID, error) {
	if len(s) != 36 {
		return ID{}, fmt.Errorf("%w: %q", ErrID, clip(s))
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID{}, fmt.Errorf("%w: %q", ErrID, clip(s))
	}
	return ID(u), nil
}

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical lower-case form of 36 characters.
func (id ID) String() string { return string(id.append(make([]byte, 0, 36))) }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return id.append(make([]byte, 0, 36)), nil }

// UnmarshalText implements encoding.TextUnmarshaler; see ParseID.
func (id *ID) UnmarshalText(b []byte) error {
	v, err := ParseID(string(b))
	if err != nil {
		return err
	}
	*id = v
	return nil
}

func (id ID) append(b []byte) []byte {
	b = hex.AppendEncode(b, id[0:4])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[4:6])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[6:8])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[8:10])
	b = append(b, '-')
	return hex.AppendEncode(b, id[10:16])
}

// version4 sets the version and variant bits of RFC 9562, section 5.4.
func (id ID) version4() ID {
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// lineage is what all emissions of one organ derive their ids from: a digest of service and organ
// name, and the ciphers made of it. It is for one goroutine.
type lineage struct {
	digest  [16]byte
	ciphers []cipher.Block // by position, as far as they have been used
	block   ID             // what Encrypt works on: an argument of an interface's method escapes
}

// lineageCiphers is how many positions keep their cipher, 0.5 KB each.
const lineageCiphers = 64

func newLineage(service, organ string) lineage {
	h := sha256.New()
	var n [4]byte
	for _, s := range []string{service, organ} {
		// Length-prefixed, so that ("a", "bc") and ("ab", "c") differ.
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return lineage{digest: [16]byte(h.Sum(nil)[:16])}
}

// derive sets id to that of the emission at position pos of a handling of parent, in version 4
// layout: AES-128 of parent under the position's key, XOR parent. A repeated handling
// gives the same ids, and nobody can make two emissions collide.
//
// This is the Matyas-Meyer-Oseas compression (ISO/IEC 10118-2), collision-resistant as far as AES
// is an ideal cipher, at a fifth of the time of SHA-256: an id is derived for every emission.
func (l *lineage) derive(id *ID, parent ID, pos uint32) {
	l.block = parent
	l.cipher(pos).Encrypt(l.block[:], l.block[:])
	// Word by word and to its place: a copy right after single bytes of it were written would have to wait for them.
	first := binary.BigEndian.Uint64(l.block[:8]) ^ binary.BigEndian.Uint64(parent[:8])
	second := binary.BigEndian.Uint64(l.block[8:]) ^ binary.BigEndian.Uint64(parent[8:])
	binary.BigEndian.PutUint64(id[:8], first&^(0xf<<12)|4<<12) // as version4 does
	binary.BigEndian.PutUint64(id[8:], second&^(3<<62)|2<<62)
}

func (l *lineage) cipher(pos uint32) cipher.Block {
	if int(pos) < len(l.ciphers) {
		return l.ciphers[pos]
	}
	if pos >= lineageCiphers {
		return l.newCipher(pos)
	}
	for n := len(l.ciphers); n <= int(pos); n++ {
		l.ciphers = append(l.ciphers, l.newCipher(uint32(n)))
	}
	return l.ciphers[pos]
}

// newCipher makes the cipher of a position: its key is the first 16 bytes of SHA-256(digest | pos).
func (l *lineage) newCipher(pos uint32) cipher.Block {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(l.digest[:], pos))
	c, err := aes.NewCipher(sum[:16])
	if err != nil {
		panic(err) // the key has the right length
	}
	return c
}
