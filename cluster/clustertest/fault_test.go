package clustertest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What may happen to a cluster, and the tests that show what becomes of it; P are real processes. The numbers are those of the table in
// spine/redisstream.
//
//	     a node joins                     TestEachJoinTakesItsPartUnderLoad, TestProcessesAreTakenOverFromWhetherTheyAreKilledOrLeave P
//	F1   a node is killed                 TestProcessesAreTakenOverFromWhetherTheyAreKilledOrLeave P
//	F2   a node is stopped and goes on    TestAStoppedNodeIsTakenOverFromAndComesBackAsAnotherMember P
//	F5   the server stands still          TestAServerThatStandsStillCausesNoStormOfTakeovers P
//	F6   the network is slow              TestANodeThatLeavesOverASlowNetworkLeavesNoLeaseBehind
//	F9   a node is cut off                TestTheShardsOfANodeThatIsCutOffAreServedWithinItsLeaseAndASecond
//	F10  a replica is promoted            TestAPromotedReplicaLosesTheEndAndNothingElse P
//	F26  nodes come and go all the time   TestNodesThatComeAndGoEverySecondMoveNoMoreThanTheirPart P
//	F27  a node is told to leave          TestTheShardsOfANodeThatLeavesAreServedAtOnce,
//	                                      TestProcessesAreTakenOverFromWhetherTheyAreKilledOrLeave P
//	F29  two nodes of one name            TestTwoProcessesOfOneNameShareTheWork P
//	     all nodes are restarted          TestARollingRestartLosesNothingAndDoesNothingTwice P
//	     a new program replaces the old   TestARollingUpgradeLosesNothingAndTheOlderProgramTakesNothingBack P
//	                                      TestARollingUpgradeOfLargeCells P
//	     a new program is taken back      TestAnUpgradeThatIsTakenBackLeavesItsShardsUntilItsOrganIsGivenUp P
//
// After each: I1 to I4 by the chains, I6 by what is left in the store, I10 by the epochs. The others are for package chaos,
// whose events can tell.
func TestTheTableOfFaultsNamesTestsThatThereAre(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("fault_test.go")
	require.NoError(t, err)
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var all strings.Builder
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(text)
	}
	comment, _, _ := strings.Cut(string(table), "\nfunc ")
	names := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(comment, -1)
	for _, name := range names {
		assert.Contains(t, all.String(), "\nfunc "+name+"(t ", name)
	}
	for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(t `).FindAllStringSubmatch(all.String(), -1) {
		if !strings.HasPrefix(found[1], "TestTheTable") {
			assert.Contains(t, names, found[1], "not in the table")
		}
	}
}
