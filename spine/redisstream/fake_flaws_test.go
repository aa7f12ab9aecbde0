package redisstream

// fakeFlaws are mistakes in the scripts, and one of a Spine, each of which the simulation must notice: see
// TestRedisSimulationCatchesFlaws.
type fakeFlaws struct {
	noFence        bool // whoever asks is the owner
	noSequence     bool // a commit is executed whatever its number
	noPmin         bool // a commit may use what no pull in this history has delivered
	noCmin         bool // a pull does not notice that commits are gone
	noHistory      bool // what was delivered and not settled is not delivered again
	hiddenRepeat   bool // what a pull that is repeated delivers anew counts as its own
	forgottenHand  bool // a pull that is repeated does not repeat what it handed out
	unnamedHand    bool // nobody asks what hand-out the owner has seen last
	lateHand       bool // what is due stays in the line while it is handed out
	trimDelivered  bool // what was delivered is trimmed
	trimOwn        bool // what is deferred does not keep the stream from being trimmed
	trimService    bool // other services do not either
	looseCells     bool // cells are loaded by anybody, and changed whatever their number is
	tornCells      bool // pages of a cell need not belong together
	deferredInHand bool // a deferred entry stays with the owner's work
	lostLine       bool // a deferred entry is in no line
	twiceSubmitted bool // a submit that is repeated is executed again
	twicePublished bool // ids are not remembered
	ackElsewhere   bool // the first entry of a commit is not acknowledged
	leftProgress   bool // progress of finished entries stays
	freeForAll     bool // a shard is given to whoever asks
	goneAnswer     bool // an answer counts though the store has lost what it rests on
	eagerAnswer    bool // the Spine answers from a state that is not settled yet
}
