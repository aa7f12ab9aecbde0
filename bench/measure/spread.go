package measure

import "slices"

// Spread is what is told of several values: the median, and how far they are apart.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Of returns the spread of values; all zeros for none.
func Of(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	half := len(v) / 2
	median := v[half]
	if len(v)%2 == 0 {
		median = (v[half-1] + v[half]) / 2
	}
	return Spread{Median: median, Low: v[0], High: v[len(v)-1]}
}

// Each returns the spread of what f says about the samples.
func Each(samples []Sample, f func(Sample) float64) Spread {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	return Of(values)
}

// Against returns the spread of f(samples[i]) / f(others[i]): values of the same round are divided by each
// other, so that a slow moment of the machine counts for both. Rounds that only one of them has
// are left out.
func Against(samples, others []Sample, f func(Sample) float64) Spread {
	var ratios []float64
	for i := range min(len(samples), len(others)) {
		if base := f(others[i]); base > 0 {
			ratios = append(ratios, f(samples[i])/base)
		}
	}
	return Of(ratios)
}
