package desk

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
)

// Money is an exact amount of the desk's currency that is never negative: a whole number of units
// of 10^-13, in 128 bits. So a price of nine places times a quantity is exact, and a basis point of that.
// It holds up to 3.4 x 10^25; sums beyond are ErrMoney, never wrong. As text, and in JSON, it is a
// decimal such as "15025.00". The zero value is 0.
type Money struct{ hi, lo uint64 }

// ErrMoney reports a text that is no amount, or a sum that is too large to be one.
var ErrMoney = errors.New("desk: amount")

const (
	moneyPlaces = 13
	moneyOne    = 10_000_000_000_000
	basisPoints = 10_000 // in one
)

// ParseMoney reads a decimal of at most 13 places: digits, and optionally a point and digits.
func ParseMoney(text string) (Money, error) {
	var m Money
	places, point, ok := 0, false, len(text) > 0
	for i := 0; i < len(text) && ok; i++ {
		switch c := text[i]; {
		case c == '.' && !point && i > 0 && i+1 < len(text):
			point = true
		case c >= '0' && c <= '9':
			if point {
				places++
			}
			m, ok = m.shift(c - '0')
		default:
			ok = false
		}
	}
	for ok && places < moneyPlaces {
		m, ok = m.shift(0)
		places++
	}
	if !ok || places > moneyPlaces {
		return Money{}, fmt.Errorf("%w: %q, want a decimal below 10^25 of at most %d places", ErrMoney, clip(text), moneyPlaces)
	}
	return m, nil
}

// shift appends a decimal digit.
func (m Money) shift(digit byte) (Money, bool) {
	m, ok := m.times(10)
	if !ok {
		return m, false
	}
	return m.plus(Money{lo: uint64(digit)})
}

// Add returns the sum, or ErrMoney.
func (m Money) Add(x Money) (Money, error) {
	sum, ok := m.plus(x)
	if !ok {
		return Money{}, fmt.Errorf("%w: %s + %s is too large", ErrMoney, m, x)
	}
	return sum, nil
}

func (m Money) plus(x Money) (Money, bool) {
	lo, carry := bits.Add64(m.lo, x.lo, 0)
	hi, carry := bits.Add64(m.hi, x.hi, carry)
	return Money{hi, lo}, carry == 0
}

// minus needs x to be no more than m.
func (m Money) minus(x Money) Money {
	lo, borrow := bits.Sub64(m.lo, x.lo, 0)
	hi, _ := bits.Sub64(m.hi, x.hi, borrow)
	return Money{hi, lo}
}

// Times returns m, a price, times a quantity, or ErrMoney.
func (m Money) Times(quantity uint64) (Money, error) {
	product, ok := m.times(quantity)
	if !ok {
		return Money{}, fmt.Errorf("%w: %s x %d is too large", ErrMoney, m, quantity)
	}
	return product, nil
}

func (m Money) times(n uint64) (Money, bool) {
	carry, lo := bits.Mul64(m.lo, n)
	over, hi := bits.Mul64(m.hi, n)
	hi, more := bits.Add64(hi, carry, 0)
	return Money{hi, lo}, over == 0 && more == 0
}

// fee is a basis point of m. It is exact for a price of nine places times a quantity.
func (m Money) fee() Money {
	fee, _ := m.divide(basisPoints)
	return fee
}

func (m Money) divide(by uint64) (Money, uint64) {
	hi, rest := m.hi/by, m.hi%by
	lo, rest := bits.Div64(rest, m.lo, by)
	return Money{hi, lo}, rest
}

// Less reports whether m is smaller than x.
func (m Money) Less(x Money) bool { return m.hi < x.hi || m.hi == x.hi && m.lo < x.lo }

// IsZero reports whether m is 0.
func (m Money) IsZero() bool { return m == Money{} }

// String returns the decimal, with two places or as many more as it needs.
func (m Money) String() string { return string(m.append(make([]byte, 0, 40))) }

func (m Money) append(dst []byte) []byte {
	whole, fraction := m.divide(moneyOne)
	if upper, lower := whole.divide(moneyOne); !upper.IsZero() {
		dst = strconv.AppendUint(dst, upper.lo, 10) // below 10^13, as whole is below 10^26
		dst = appendPadded(dst, lower)
	} else {
		dst = strconv.AppendUint(dst, whole.lo, 10)
	}
	dst = appendPadded(append(dst, '.'), fraction)
	for range moneyPlaces - 2 {
		if dst[len(dst)-1] != '0' {
			break
		}
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendPadded appends the moneyPlaces digits of a number below moneyOne.
func appendPadded(dst []byte, n uint64) []byte {
	for unit := uint64(moneyOne / 10); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+n/unit%10))
	}
	return dst
}

// MarshalText implements encoding.TextMarshaler.
func (m Money) MarshalText() ([]byte, error) { return m.append(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler; see ParseMoney.
func (m *Money) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMoney(string(text))
	return err
}

// clip shortens text from outside for a message.
func clip(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
