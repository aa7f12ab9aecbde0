package matching

import "math/bits"

// ParsePrice reads a decimal such as "150.25": digits, and optionally a point and digits, nothing else:
// no sign, no exponent, no blank. It returns ticks and NoReason; OffTick and OffTickReason for a price
// between two ticks; 0 and InvalidPrice for what is not such a decimal, not positive, or above the
// symbol's limit. Zeros in front and behind do not matter, and no rounding ever happens.
func (s Spec) ParsePrice(text []byte) (int64, Reason) {
	whole, fraction, ok := splitDecimal(text)
	if !ok {
		return 0, InvalidPrice
	}
	places := min(len(fraction), s.Decimals)
	units, ok := digits(0, whole)
	if ok {
		units, ok = digits(units, fraction[:places])
	}
	for range s.Decimals - places {
		units, ok = times10(units, ok)
	}
	finer := !allZero(fraction[places:])
	step := uint64(orDefault(s.Step, 1))
	limit := uint64(orDefault(s.MaxPrice, MaxPrice)) * step
	switch {
	case !ok || units > limit || units == limit && finer || units == 0 && !finer:
		return 0, InvalidPrice
	case finer || units%step != 0:
		return OffTick, OffTickReason
	}
	return int64(units / step), NoReason
}

// splitDecimal checks the form and cuts it at the point.
func splitDecimal(text []byte) (whole, fraction []byte, ok bool) {
	whole = text
	for i, c := range text {
		if c == '.' {
			whole, fraction = text[:i], text[i+1:]
			ok = len(fraction) > 0 && allDigits(fraction)
			return whole, fraction, ok && len(whole) > 0
		}
		if c < '0' || c > '9' {
			return nil, nil, false
		}
	}
	return whole, nil, len(whole) > 0
}

func allDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func allZero(text []byte) bool {
	for _, c := range text {
		if c != '0' {
			return false
		}
	}
	return true
}

// digits appends decimal digits to a number; ok is false when it overflows.
func digits(n uint64, text []byte) (uint64, bool) {
	ok := true
	for _, c := range text {
		n, ok = times10(n, ok)
		n += uint64(c - '0')
	}
	return n, ok
}

// times10 leaves room for one more digit.
func times10(n uint64, ok bool) (uint64, bool) {
	hi, lo := bits.Mul64(n, 10)
	return lo, ok && hi == 0 && lo < 1<<63
}

// AppendPrice appends the decimal of a price in ticks, with as many places as the symbol has.
func (s Spec) AppendPrice(dst []byte, ticks int64) []byte {
	units := uint64(ticks) * uint64(orDefault(s.Step, 1))
	if ticks < 0 {
		dst = append(dst, '-')
		units = -units
	}
	var text [24]byte
	i := len(text)
	for place := 0; units > 0 || place <= s.Decimals; place++ {
		if place == s.Decimals && place > 0 {
			i--
			text[i] = '.'
		}
		i--
		text[i] = byte('0' + units%10)
		units /= 10
	}
	return append(dst, text[i:]...)
}
