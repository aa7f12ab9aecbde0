package clustertest_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestMain(m *testing.M) {
	if text, child := os.LookupEnv(roleVariable); child {
		if err := perform(text); err != nil {
			fmt.Fprintln(os.Stderr, "node:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	folder, err := os.MkdirTemp("", "clustertest")
	if err = errors.Join(err, sideBySide()); err != nil {
		fmt.Fprintln(os.Stderr, "clustertest:", err)
		os.Exit(1)
	}
	buildFolder = folder
	// The engine's throttle of its dead letter log ends by itself, a second after the last one.
	goleak.VerifyTestMain(tidying{redistest.Shared(m)},
		goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func2.1"))
}

// sideBySide lets more tests run at a time than there are processors: most of their time is that of leases which run out.
func sideBySide() error {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if set {
		return nil
	}
	return flag.Set("test.parallel", "4")
}

// tidying runs the tests, and removes what was built for them.
type tidying struct{ tests redistest.Runner }

func (t tidying) Run() int {
	defer func() { _ = os.RemoveAll(buildFolder) }() // A folder that stays harms nobody.
	return t.tests.Run()
}
