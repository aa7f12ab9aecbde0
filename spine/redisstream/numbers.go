package redisstream

import "strconv"

// waitScore is below all times in µs: work that waits for no time has its time less this as its score, so that it
// comes first, in the order in which it began to wait.
const waitScore = 9_000_000_000_000_000

func parseNumber(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64) // the scripts write nothing else
	return n
}

// parseScore reads a score, 0 for none.
func parseScore(s string) int64 {
	if s == "" {
		return 0
	}
	f, _ := strconv.ParseFloat(s, 64) // the server writes nothing else
	return int64(f)
}

func formatNumber(n uint64) string { return strconv.FormatUint(n, 10) }
func formatScore(n int64) string   { return strconv.FormatInt(n, 10) }
