package redisstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Mistakes in an address. They tell the rule and nothing of the address: any part of a mistyped one
// may be a piece of the password.
var (
	errAddress = errors.New("redisstream: the address is not of the form redis://[user[:password]@]host[:port][/db], " +
		"rediss://… or unix://[user[:password]@]/path[?db=n]; it is not shown, as it may hold a password")
	errParameter = errors.New("redisstream: the address has a parameter other than ?db=n; " +
		"options say the rest (it is not shown, as it may hold a password)")
	errDatabase = errors.New("redisstream: the database in the address is not a number from 0 up " +
		"(it is not shown, as it may be a piece of a password)")
)

// resolve is l with what raw says. It does no I/O.
func (l link) resolve(raw string) (link, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return l, errAddress
	}
	if err := checkParameters(u.RawQuery); err != nil {
		return l, err
	}
	switch u.Scheme {
	case "redis":
		err = l.resolveTCP(u)
	case "rediss":
		l.useTLS = true
		err = l.resolveTCP(u)
	case "unix":
		err = l.resolveUnix(u)
	default:
		err = errAddress
	}
	if err != nil {
		return l, err
	}
	return l, l.signIn(u.User)
}

func checkParameters(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errAddress
	}
	for name := range query {
		if name != "db" {
			return errParameter
		}
	}
	return nil
}

func (l *link) resolveTCP(u *url.URL) error {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "6379"
	}
	l.network, l.address = "tcp", net.JoinHostPort(host, port)
	if l.useTLS {
		l.tls = named(l.tls, host)
	}
	path := strings.Trim(u.Path, "/")
	if path != "" && u.Query().Has("db") {
		return errDatabase
	}
	return l.choose(path + u.Query().Get("db"))
}

func (l *link) resolveUnix(u *url.URL) error {
	if u.Host != "" || u.Path == "" {
		return errAddress
	}
	l.network, l.address = "unix", u.Path
	if l.useTLS {
		if l.tls.ServerName == "" {
			return errors.New("redisstream: WithTLS: a unix address has no host, so ServerName must be set")
		}
		l.tls = l.tls.Clone()
	}
	return l.choose(u.Query().Get("db"))
}

// named is c for talking to host, unless c names another.
func named(c *tls.Config, host string) *tls.Config {
	if c == nil {
		return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	c = c.Clone()
	if c.ServerName == "" {
		c.ServerName = host
	}
	return c
}

func (l *link) choose(db string) error {
	if db == "" {
		return nil
	}
	n, err := strconv.Atoi(db)
	if err != nil || n < 0 {
		return errDatabase
	}
	l.db = n
	return nil
}

// signIn joins the address's user and password with the options'.
func (l *link) signIn(info *url.Userinfo) error {
	if name := info.Username(); name != "" {
		if l.named && l.user != name {
			return fmt.Errorf("redisstream: WithUser: %q, but the address names another user", l.user)
		}
		l.user = name
	}
	if password, ok := info.Password(); ok && password != "" {
		if len(l.secrets) > 0 {
			return fmt.Errorf("redisstream: %s %q, but the address has a password too", l.secrets[0].option, l.secrets[0].name)
		}
		l.secrets = []secret{{read: func(string) (string, error) { return password, nil }}}
	}
	// Without a password the client would not sign in at all, and go on as "default" in silence.
	if l.user != "" && len(l.secrets) == 0 {
		return fmt.Errorf("redisstream: user %q has no password: give WithPasswordFile or WithPasswordEnv", l.user)
	}
	return nil
}
