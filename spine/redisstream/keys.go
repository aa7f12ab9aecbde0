package redisstream

import (
	"strconv"
)

// Every key of the store is named here, and only here.
//
//	<ns>:meta            hash    layout, shards, store id, generation: only Reshard changes them
//	<ns>:load            hash    in: events accepted; a:<service>: events finished by it
//	<ns>:bell            stream  rings when a delayed event is added
//	<ns>:box:<owner>     stream  questions and answers for a process, by its Owner; expires
//	<ns>:pub:<lane>      hash    shard -> number and answer of a publisher's last submit, letters -> of the last removal; expires
//	<ns>:svc:<service>   hash    organs of the service
//	<ns>:dlq:<service>   stream  its dead letters
//	<ns>:nodes:<service> hash    its members -> what each says of itself
//	<ns>:agreed:<service> hash   what they have agreed on: plan, pins
//
//	{<ns>:<shard>}:in                    stream  events; a group per service, in it the consumers o and d
//	{<ns>:<shard>}:dl, :dlp              zset, hash  delayed events not in the stream yet: number -> due, -> entry
//	{<ns>:<shard>}:dd:<bucket>           hash    published ids of a time
//	{<ns>:<shard>}:own:<service>         hash    tok, beat, epoch, node; c, p, h; organs; mute, clearing
//	{<ns>:<shard>}:loud:<service>        set     stream ids up to mute that were not settled when it was rewound
//	{<ns>:<shard>}:prog:<service>        hash    stream id -> progress of its organs
//	{<ns>:<shard>}:sus:<service>         hash    stream id|organ -> crashes
//	{<ns>:<shard>}:due:<service>:<organ>  zset   stream id -> when it is due, for entries in consumer d
//	{<ns>:<shard>}:idle:<service>:<organ> zset   key -> a time before which its cell has not changed
//	{<ns>:<shard>}:cell:<service>:<organ>:<key>  hash  state of a cell
//
// A store that was moved to other shards has its generation in their names, {<ns>:<shard>.<generation>}, see Reshard.
// Names of services and organs are written with their length before them, so that no two can make one key.
type keyring struct{ ns string }

func (k keyring) meta() string                 { return k.ns + ":meta" }
func (k keyring) load() string                 { return k.ns + ":load" }
func (k keyring) bell() string                 { return k.ns + ":bell" }
func (k keyring) box(owner string) string      { return k.ns + ":box:" + owner }
func (k keyring) publisher(id string) string   { return k.ns + ":pub:" + id }
func (k keyring) service(name string) string   { return k.ns + ":svc:" + sized(name) }
func (k keyring) nodes(service string) string  { return k.ns + ":nodes:" + sized(service) }
func (k keyring) agreed(service string) string { return k.ns + ":agreed:" + sized(service) }
func (k keyring) letters(service string) string {
	return k.ns + ":dlq:" + sized(service)
}

// sized is a name with its length before it.
func sized(name string) string { return strconv.Itoa(len(name)) + ":" + name }

func (k keyring) shard(i int) shardKeys { return k.shardIn("", i) }

// shardIn is a shard of a generation, "" for the one in which a store is created.
func (k keyring) shardIn(generation string, i int) shardKeys {
	tag := "{" + k.ns + ":" + strconv.Itoa(i)
	if generation != "" {
		tag += "." + generation
	}
	tag += "}:"
	return shardKeys{tag: tag, in: tag + "in", delayed: tag + "dl", delayedEntries: tag + "dlp"}
}

// shardKeys are the keys of one shard that all services share.
type shardKeys struct {
	tag            string
	in             string
	delayed        string
	delayedEntries string
}

// ids is the key of the published ids of one bucket of time.
func (k shardKeys) ids(bucket int64) string { return k.tag + "dd:" + strconv.FormatInt(bucket, 10) }

func (k shardKeys) of(service string, organs []string) serviceKeys {
	name := sized(service)
	s := serviceKeys{
		own: k.tag + "own:" + name, loudKey: k.tag + "loud:" + name, progress: k.tag + "prog:" + name, suspects: k.tag + "sus:" + name,
		cells: k.tag + "cell:" + name + ":",
	}
	for _, organ := range organs {
		s.due = append(s.due, k.due(service, organ))
		s.idle = append(s.idle, k.tag+"idle:"+name+":"+sized(organ))
	}
	return s
}

func (k shardKeys) due(service, organ string) string {
	return k.tag + "due:" + sized(service) + ":" + sized(organ)
}

// serviceKeys are the keys of one service in one shard. due and idle are by organ.
type serviceKeys struct {
	own, loudKey, progress, suspects string
	due, idle                        []string
	cells                            string // what the keys of its cells begin with
}

func (k serviceKeys) cell(organ, key string) string { return k.cells + sized(organ) + ":" + key }
