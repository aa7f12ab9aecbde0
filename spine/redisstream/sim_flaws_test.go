package redisstream

import "testing"

// flawedSeeds is how many seeds a mistake in the scripts may hide from. Under the race detector, where a seed takes ten times as
// long, a few are run for the sake of races, and nothing is asked of them: make sim asks.
const (
	flawedSeeds = 6000
	racedSeeds  = 20
)

// TestRedisSimulationCatchesFlaws holds the simulation to what it is for: of each mistake that somebody could make in the scripts, or
// in a Spine that is asked, it must find a seed that shows it.
func TestRedisSimulationCatchesFlaws(t *testing.T) {
	t.Parallel()
	for name, flaws := range map[string]fakeFlaws{
		"no fence": {noFence: true}, "no sequence": {noSequence: true}, "no pmin and no cmin": {noPmin: true, noCmin: true},
		"no cmin": {noCmin: true}, "no history": {noHistory: true}, "a repeat is hidden": {hiddenRepeat: true},
		"a hand-out is neither repeated nor named": {forgottenHand: true, unnamedHand: true}, "what is due stays due": {lateHand: true},
		"trimmed up to what was delivered": {trimDelivered: true}, "trimmed without regard to what is deferred": {trimOwn: true},
		"trimmed without regard to other services": {trimService: true}, "deferred, and in hand": {deferredInHand: true},
		"deferred, and in no line": {lostLine: true}, "submitted twice": {twiceSubmitted: true}, "published twice": {twicePublished: true},
		"acknowledged another": {ackElsewhere: true}, "progress is left": {leftProgress: true},
		"given to whoever asks":              {freeForAll: true},
		"an answer from what is gone counts": {goneAnswer: true}, "answered before it is settled": {eagerAnswer: true},
		"no fence, loose cells": {looseCells: true, noFence: true}, "a cell is read in parts": {tornCells: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= flawedSeeds; seed++ {
				if raced && seed > racedSeeds {
					return
				}
				if s := runRedisSeed(t, seed, flaws, false); s.failed != "" {
					t.Logf("seed %d: %.200s", seed, s.failed)
					return
				}
			}
			t.Errorf("%d seeds have not shown it", flawedSeeds)
		})
	}
}
