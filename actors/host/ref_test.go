package host_test

import "github.com/necrostack/necrostack/supervision"

// lasting is the default policy.
func lasting() supervision.Policy { return supervision.Default() }
