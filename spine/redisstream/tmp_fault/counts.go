package redistest

// Counts is what a Proxy has done so far.
type Counts struct {
	Connections int // taken and connected to the server
	Refused     int // reset as soon as they were made: a partition, or no server
	Cut         int // closed by Partition

	// Of requests that a rule was asked about, a transaction counting once.
	Requests int
	Passed   int

	RepliesDropped    int // DropReplyAndClose
	ClosedBefore      int
	Blackholed        int
	RepliesBlackholed int

	Delayed       int
	DeliveredLate int // of the delayed ones
	LostLate      int // of the delayed ones: there was no server then, or the test had ended
}

func (c *Counts) count(a Action) {
	c.Requests++
	switch a.kind {
	case pass:
		c.Passed++
	case dropReplyAndClose:
		c.RepliesDropped++
	case closeBefore:
		c.ClosedBefore++
	case blackhole:
		c.Blackholed++
	case blackholeReply:
		c.RepliesBlackholed++
	case delay:
		c.Delayed++
	}
}

// underway is how many delayed requests have still to be delivered.
func (c *Counts) underway() int { return c.Delayed - c.DeliveredLate - c.LostLate }
