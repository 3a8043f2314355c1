// SPDX-License-Identifier: LGPL-2.1-or-later

// Calls through go-libvirt; prints "name TAB result" for each.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/digitalocean/go-libvirt"
)

const guest = "<domain type='test'><name>gopher</name><memory>65536</memory><os><type>hvm</type></os></domain>"

func show(name string, value interface{}, err error) {
	if err != nil {
		value = "error " + strings.ReplaceAll(err.Error(), "\n", "\\n")
	}
	fmt.Printf("%s\t%v\n", name, value)
}

func names(domains []libvirt.Domain) []string {
	var out []string
	for _, d := range domains {
		out = append(out, d.Name)
	}
	sort.Strings(out)
	return out
}

// One guest's life, while its events are collected.
func life(l *libvirt.Libvirt) {
	ctx, cancel := context.WithCancel(context.Background())
	events, err := l.LifecycleEvents(ctx)
	show("subscribe", "ok", err)
	dom, err := l.DomainDefineXML(guest)
	show("define", dom.Name, err)
	show("create", "ok", l.DomainCreate(dom))
	show("create again", "ok", l.DomainCreate(dom))
	state, reason, err := l.DomainGetState(dom, 0)
	show("state", fmt.Sprint(state, reason), err)
	show("suspend", "ok", l.DomainSuspend(dom))
	show("resume", "ok", l.DomainResume(dom))
	show("destroy", "ok", l.DomainDestroy(dom))
	show("undefine", "ok", l.DomainUndefine(dom))
	var seen []string
	for len(seen) < 6 {
		select {
		case e := <-events:
			seen = append(seen, fmt.Sprintf("%s:%d/%d", e.Dom.Name, e.Event, e.Detail))
		case <-time.After(5 * time.Second):
			seen = append(seen, "nothing more")
		}
	}
	show("events", seen, nil)
	cancel()
}

func main() {
	conn, err := net.DialTimeout("unix", os.Args[1], 5*time.Second)
	if err != nil {
		fmt.Println("dial\t", err)
		os.Exit(1)
	}
	l := libvirt.New(conn)
	if err := l.ConnectToURI("test:///default"); err != nil {
		fmt.Println("connect\t", err)
		os.Exit(1)
	}
	kind, err := l.ConnectGetType()
	show("type", kind, err)
	version, err := l.ConnectGetLibVersion()
	show("version", version, err)
	host, err := l.ConnectGetHostname()
	show("hostname", host != "", err)
	domains, _, err := l.ConnectListAllDomains(1, 0)
	show("domains", names(domains), err)
	networks, _, err := l.ConnectListAllNetworks(1, 0)
	show("networks", len(networks), err)
	pools, _, err := l.ConnectListAllStoragePools(1, 0)
	show("pools", len(pools), err)
	dom, err := l.DomainLookupByName("test")
	show("lookup", fmt.Sprintf("%s %d %x", dom.Name, dom.ID, dom.UUID), err)
	_, err = l.DomainLookupByName("nosuch")
	show("lookup wrong", "", err)
	xml, err := l.DomainGetXMLDesc(dom, 0)
	show("xml", strings.Contains(xml, "<name>test</name>"), err)
	parameters, err := l.DomainGetSchedulerParameters(dom, 1)
	show("scheduler", parameters, err)
	life(l)
	show("disconnect", "ok", l.Disconnect())
}
