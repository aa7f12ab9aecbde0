//go:build !race

package matching_test

const underRace = false
