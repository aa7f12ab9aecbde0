package chaos_test

import "time"

// vacancy is for how long shards are without an owner after a kill, and how often they go from one to another.
type vacancy struct {
	owners   map[int]string // by shard, the last one
	orphans  map[int]orphan
	moves    int
	longest  time.Duration
	calmMost time.Duration // of kills when nothing else was amiss
}

// orphan is a shard whose owner was killed.
type orphan struct {
	owner string
	since time.Time
	calm  bool
}

func newVacancy() *vacancy { return &vacancy{owners: map[int]string{}, orphans: map[int]orphan{}} }

// fell notes that an owner was killed.
func (v *vacancy) fell(owner string, at time.Time, calm bool) {
	for shard, o := range v.owners {
		if o == owner && owner != "" {
			v.orphans[shard] = orphan{owner, at, calm}
		}
	}
}

// see notes who owns a shard, "" for nobody.
func (v *vacancy) see(shard int, owner string, at time.Time) {
	if owner == "" {
		return
	}
	if last := v.owners[shard]; last != "" && last != owner {
		v.moves++
	}
	v.owners[shard] = owner
	o, ok := v.orphans[shard]
	if !ok || o.owner == owner {
		return
	}
	delete(v.orphans, shard)
	v.longest = max(v.longest, at.Sub(o.since))
	if o.calm {
		v.calmMost = max(v.calmMost, at.Sub(o.since))
	}
}

// forget forgets who owns what: the store may have gone back.
func (v *vacancy) forget() {
	clear(v.owners)
	clear(v.orphans)
}
