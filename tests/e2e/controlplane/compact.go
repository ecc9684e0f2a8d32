package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// compactRevKey is where API servers tell each other how far etcd is compacted.
// They also drop what they have cached from before, within a quarter of a minute.
const compactRevKey = "compact_rev_key"

// compact drops all of etcd's history, so that every continue token handed out
// before expires. Its one argument is etcd's client address; it prints the
// revision to which it compacted.
func compact(arguments []string) int {
	if len(arguments) != 1 {
		return fail("compact", errors.New("give one etcd address"))
	}
	revision, err := compactNow(arguments[0])
	if err != nil {
		return fail("compact", err)
	}
	fmt.Println(revision)
	return 0
}

func compactNow(endpoint string) (int64, error) {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	// A write makes a newer revision, so that the one that is current now is in
	// the past too. API servers ignore a revision lower than the one they know.
	written, err := client.Put(ctx, compactRevKey, "0")
	if err != nil {
		return 0, err
	}
	revision := written.Header.Revision
	if _, err := client.Put(ctx, compactRevKey, strconv.FormatInt(revision, 10)); err != nil {
		return 0, err
	}
	_, err = client.Compact(ctx, revision, clientv3.WithCompactPhysical())
	return revision, err
}
