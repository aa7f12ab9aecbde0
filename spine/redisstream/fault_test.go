package redisstream

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What may go wrong, and the tests that show what becomes of it. Those of package chaos do it to real processes, all at once.
//
//	F0   an order of requests that only a zombie, a late copy or a loss makes
//	     the tests of schedule_*_test.go, TestRedisSimulation
//	F1   a node is killed                  TestServiceSurvivesEachFault
//	F2   a node is stopped and goes on     TestServiceSurvivesEachFault, TestTheCommitOfAZombieIsFencedAndChangesNothing,
//	                                       TestThePullOfAZombieIsFencedAndWhatItTookIsFoundInOrder
//	F3   the server is killed              TestAServerThatIsKilledAgainAndAgainLosesNothing
//	F4   it loses what it had not synced   TestAServerThatLosesTheEndOfItsFileLosesThatAndNothingElse; on a slow disk, killed:
//	                                       TestLongServiceSurvivesAnything
//	F5   it stands still                   TestAServerThatStandsStillCausesNoStormOfTakeovers
//	F6   the network is slow and narrow    TestASlowAndNarrowNetworkHoldsNothingUp
//	F7   replies are lost in silence       TestRequestsThatAreLostOrLateOrWithoutAnAnswerCountOnce
//	F8   connections break after requests  TestACommitWhoseConnectionBreaksIsExecutedOnceForEachTimeItIsSent,
//	                                       TestRequestsThatAreLostOrLateOrWithoutAnAnswerCountOnce
//	F9   a node is cut off                 TestAPartedNodeLosesItsShardsAndItsCommitsAreFenced
//	F13  the disk is full                  TestAFullDiskHoldsUpTheWorkAndNothingIsLost,
//	                                       TestAFullDiskUnderASyncedFileEndsTheServerAndNothingIsLost
//	F14  the memory is full                TestAServerWithoutMemoryTakesNothingNewAndLetsTheRestFinish, TestPublishersWaitForMemory
//	F15  the server evicts                 TestAServerThatDeletesEventsIsRefused
//	F16  it forgets the scripts            TestAServerThatForgetsItsScriptsIsToldThemAgain
//	F17  the store is deleted              TestARunEndsWhenTheStoreIsGone, TestAStoreThatIsGoneTakesNothingAndIsNotMadeAgain
//	F18  a key is overwritten              TestAKeyOfAnotherTypeStopsWhatNeedsItAndNothingIsHalfWritten
//	F19  the file is cut anywhere          TestAFileThatIsCutHoldsEachCommitWholeOrNotAtAll
//	F20  the file is rewritten, and the server killed
//	                                       TestAFileThatIsRewrittenHoldsAllThatTheServerHeld,
//	                                       TestAServerThatIsKilledWhileItRewritesItsFileLosesNothing
//	F21  an event fails, panics, or ends the process
//	                                       TestPoisonOfEveryKindIsOneDeadLetterOfItsOrgan
//	F22  a handler does not return         TestAHandlerThatIgnoresItsContextIsTriedAgainAndItsLateResultIsIgnored
//	F23  entries that are none             TestEntriesThatCannotBeReadBecomeDeadLettersAndHoldNothingUp,
//	                                       TestAStreamWithoutFurtherIDsStopsTheRunAndNoCommitIsHalfDone
//	F24  payloads at the limit             TestWhatIsTooLargeNeverReachesTheServer
//	F25  one key of many waits             TestAKeyThatWaitsHoldsUpNoOther
//	F28  a slow service, and trimming      TestTrimmingLeavesWhatASecondServiceHasNotRead
//	F29  two nodes of one name             TestOfTwoNodesWithOneNameOneWorksAndTheOtherTakesOver
//	F30  password, rights, TLS are wrong   TestANodeThatMayNotWorkDoesNotStart, TestEachMissingRightIsNamed, TestThePasswordIsNeverSeen
func TestTheTableOfFaultsNamesTestsThatThereAre(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("fault_test.go")
	require.NoError(t, err)
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	processes, err := filepath.Glob("chaos/*_test.go")
	require.NoError(t, err)
	var all strings.Builder
	for _, path := range append(files, processes...) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(text)
	}
	names := regexp.MustCompile(`\bTest\w+`).FindAllString(string(table), -1)
	require.Greater(t, len(names), 30)
	for _, name := range names {
		assert.Contains(t, all.String(), "\nfunc "+name+"(t ", name)
	}
}
