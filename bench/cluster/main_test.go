package cluster_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/bench/cluster"
)

func TestMain(m *testing.M) {
	cluster.ServeIfNode()
	cluster.LeaveAnOrphan()
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}
