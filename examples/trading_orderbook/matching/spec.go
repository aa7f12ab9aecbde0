package matching

import "fmt"

// Limits that no symbol exceeds, so that price x quantity fits an int64.
const (
	MaxQty   = 1_000_000_000 // lots
	MaxPrice = 1_000_000_000 // ticks
)

// Spec describes one symbol. A price in ticks t is the decimal t x Step / 10^Decimals; a quantity in
// lots q is q x Lot units. The zero value of every number is its default.
type Spec struct {
	Name     string // 1 to 255 bytes
	Decimals int    // places of the printed price, 0 to 9; the default of DefaultSpec is 2
	Step     int64  // tick size in units of the last place: 5 with 2 decimals is a tick of 0.05; default 1
	Lot      int64  // units in one lot; default 1
	MaxQty   int64  // lots; default and most MaxQty
	MaxPrice int64  // ticks; default and most MaxPrice
}

// DefaultSpec is a symbol of the replay protocol: ticks of 0.01, lots of one.
func DefaultSpec(name string) Spec {
	return Spec{Name: name, Decimals: 2, Step: 1, Lot: 1, MaxQty: MaxQty, MaxPrice: MaxPrice}
}

// normal returns the spec with its defaults filled in, or what is wrong with it.
func (s Spec) normal() (Spec, error) {
	s.Step, s.Lot = orDefault(s.Step, 1), orDefault(s.Lot, 1)
	s.MaxQty, s.MaxPrice = orDefault(s.MaxQty, MaxQty), orDefault(s.MaxPrice, MaxPrice)
	switch {
	case len(s.Name) == 0 || len(s.Name) > 255:
		return s, fmt.Errorf("matching: symbol name %q is not 1 to 255 bytes long", s.Name)
	case s.Decimals < 0 || s.Decimals > 9:
		return s, fmt.Errorf("matching: symbol %q: decimals %d not in 0..9", s.Name, s.Decimals)
	case s.Step < 1 || s.Step > maxStep:
		return s, fmt.Errorf("matching: symbol %q: step %d not in 1..%d", s.Name, s.Step, int64(maxStep))
	case s.Lot < 1 || s.Lot > maxStep:
		return s, fmt.Errorf("matching: symbol %q: lot %d not in 1..%d", s.Name, s.Lot, int64(maxStep))
	case s.MaxQty < 1 || s.MaxQty > MaxQty:
		return s, fmt.Errorf("matching: symbol %q: max qty %d not in 1..%d", s.Name, s.MaxQty, int64(MaxQty))
	case s.MaxPrice < 1 || s.MaxPrice > MaxPrice:
		return s, fmt.Errorf("matching: symbol %q: max price %d not in 1..%d", s.Name, s.MaxPrice, int64(MaxPrice))
	}
	return s, nil
}

// maxStep keeps ticks x step within an int64.
const maxStep = 1_000_000_000

func orDefault(v, def int64) int64 {
	if v == 0 {
		return def
	}
	return v
}

// Lots converts a quantity in units to lots; ok is false when it is not a positive whole number of lots.
func (s Spec) Lots(units int64) (lots int64, ok bool) {
	if units <= 0 || s.Lot < 1 || units%s.Lot != 0 {
		return 0, false
	}
	return units / s.Lot, true
}
