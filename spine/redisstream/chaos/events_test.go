package chaos_test

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// What an event meets follows from its number, so that publisher, organs and checker agree without a word.
const (
	accounts  = 24
	echoes    = 8   // cells that tally echoes
	perSource = 1e9 // numbers of one publisher
	attempts  = 4   // of the policy
)

// transfer moves an amount between accounts. It is the one kind of event that is published, beside bombs and fillers.
type transfer struct {
	N      uint64
	From   string
	To     string
	Amount int64
}

func (transfer) EventType() string  { return "TRANSFER" }
func (t transfer) EventKey() string { return t.From }

// credit is the second half of a transfer.
type credit struct {
	N      uint64
	To     string
	Amount int64
}

func (credit) EventType() string  { return "CREDIT" }
func (c credit) EventKey() string { return c.To }

// echo is what a stateless organ makes of a transfer, several times.
type echo struct {
	N    uint64
	Part int
}

func (echo) EventType() string  { return "ECHO" }
func (e echo) EventKey() string { return fmt.Sprintf("echo-%d", e.N%echoes) }

// flaked comes from an organ that fails now and then.
type flaked struct{ N uint64 }

func (flaked) EventType() string  { return "FLAKED" }
func (f flaked) EventKey() string { return fmt.Sprintf("flaked-%d", f.N%echoes) }

// tick comes from one that fails, too, and keeps the order of keys.
type tick struct {
	N    uint64
	From string
}

func (tick) EventType() string  { return "TICK" }
func (t tick) EventKey() string { return t.From }

// bomb ends the process that handles it.
type bomb struct{ N uint64 }

func (bomb) EventType() string { return "BOMB" }

// filler has no effect: no organ listens to it.
type filler struct{}

func (filler) EventType() string { return "FILLER" }

// transferOf is the event of a number.
func transferOf(n uint64) transfer {
	h := mixed(n)
	from := h % accounts
	to := (from + 1 + h>>8%(accounts-1)) % accounts
	return transfer{N: n, From: account(from), To: account(to), Amount: int64(h>>32%900) + 1}
}

func account(i uint64) string { return fmt.Sprintf("acct-%02d", i) }

// mixed spreads numbers; the constants are those of splitmix64.
func mixed(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// The dead letters that a transfer leaves.
func closed(n uint64) bool   { return n%29 == 5 }  // at book
func broken(n uint64) bool   { return n%31 == 7 }  // at chain
func poisoned(n uint64) bool { return n%13 == 4 }  // at poison
func hopeless(n uint64) bool { return n%41 == 11 } // at flaky, after all attempts

// flakes is how many attempts of flaky fail first.
func flakes(n uint64) int {
	if hopeless(n) {
		return attempts
	}
	return []int{0, 0, 1, 0, 2, 0, 3}[n%7]
}

// trips is how many attempts of strict fail first.
func trips(n uint64) int { return []int{0, 0, 0, 1, 0, 0, 0, 2, 0, 0}[n%10] }

// parts is how many echoes there are.
func parts(n uint64) int { return int(n % 3) }

// echoDelay of every second echo.
func echoDelay(e echo) time.Duration {
	if e.Part%2 == 0 {
		return 0
	}
	return 30 * time.Millisecond
}

// chosenID is the id that a publisher gives to its event, each time it tries.
func chosenID(n uint64) actors.ID {
	var id actors.ID
	for i := range 8 {
		id[i], id[8+i] = byte(n>>(8*i)), byte(mixed(n)>>(8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}
