package clearing

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Tally is the books of a House.
type Tally struct {
	Requests   int // that were answered trade by trade
	TurnedAway int // requests answered 503
	Settled    int // trades, each once
	Repeated   int // trades that came again and were not settled again
	Refused    int // refusals; a trade that comes again is refused again
}

// ledger is what a house has settled. It keeps marks, not texts: a million trades weigh some 50 MB, in which the
// collector has nothing to look for.
type ledger struct {
	refuse  func(Instruction) string
	byKey   map[mark]mark // of a trade by that of its key
	ring    []mark        // of keys by age, next is the oldest once it is full
	next    int
	limit   int
	scratch []byte
	tally   Tally
	more    chan struct{} // closed and replaced when the tally changes
}

func newLedger(refuse func(Instruction) string, limit int) ledger {
	return ledger{refuse: refuse, byKey: map[mark]mark{}, limit: limit, more: make(chan struct{})}
}

// mark stands for texts: half of a SHA-256, of which no two that differ are ever seen to be the same.
type mark [sha256.Size / 2]byte

// marks returns the mark of a trade's key, and that of all it says.
func (l *ledger) marks(in *Instruction) (key, trade mark) {
	b := append(l.scratch[:0], in.Key...)
	key = markOf(b)
	for _, text := range []string{in.TradeID, in.Symbol, in.BuyerID, in.SellerID, in.Price, in.Amount} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	b = binary.AppendVarint(b, in.Quantity)
	l.scratch = b
	return key, markOf(b)
}

func markOf(b []byte) mark {
	sum := sha256.Sum256(b)
	return mark(sum[:])
}

func (l *ledger) settle(trades []Instruction) response {
	said := response{Results: make([]answer, len(trades))}
	l.count(func(t *Tally) {
		t.Requests++
		for i := range trades {
			said.Results[i] = l.one(&trades[i])
		}
	})
	return said
}

func (l *ledger) one(in *Instruction) answer {
	key, trade := l.marks(in)
	before, known := l.byKey[key]
	switch {
	case known && before == trade:
		l.tally.Repeated++
		return answer{Key: in.Key, Status: settled, Repeated: true}
	case known:
		return l.refused(in, KeyReused, "another trade was settled under this key")
	case in.Key == "" || in.TradeID == "" || in.BuyerID == "" || in.SellerID == "" || in.Quantity <= 0:
		return l.refused(in, InvalidTrade, "want key, trade, buyer, seller and a quantity above 0")
	}
	if l.refuse != nil {
		if reason := l.refuse(*in); reason != "" {
			return l.refused(in, reason, "")
		}
	}
	l.remember(key, trade)
	l.tally.Settled++
	return answer{Key: in.Key, Status: settled}
}

func (l *ledger) refused(in *Instruction, reason, detail string) answer {
	l.tally.Refused++
	return answer{Key: in.Key, Status: refused, Reason: reason, Detail: detail}
}

func (l *ledger) remember(key, trade mark) {
	if len(l.ring) < l.limit {
		l.ring = append(l.ring, key)
	} else {
		delete(l.byKey, l.ring[l.next])
		l.ring[l.next] = key
		l.next = (l.next + 1) % l.limit
	}
	l.byKey[key] = trade
}

// count changes the tally and tells whoever waits.
func (l *ledger) count(f func(*Tally)) {
	f(&l.tally)
	close(l.more)
	l.more = make(chan struct{})
}

// Poor refuses what these traders buy, for want of funds.
func Poor(traders ...string) func(Instruction) string {
	poor := map[string]bool{}
	for _, t := range traders {
		poor[t] = true
	}
	return func(in Instruction) string {
		if poor[in.BuyerID] {
			return InsufficientFunds
		}
		return ""
	}
}

// faults chooses requests to fail.
type faults struct {
	random      *rand.Rand
	shareFlaky  float64
	shareLosing float64
}

func newFaults(c HouseConfig) faults {
	return faults{rand.New(rand.NewPCG(c.Seed, 0x636c656172)), c.Flaky, c.Lost}
}

func (f *faults) flaky() bool { return f.shareFlaky > 0 && f.random.Float64() < f.shareFlaky }
func (f *faults) lost() bool  { return f.shareLosing > 0 && f.random.Float64() < f.shareLosing }
