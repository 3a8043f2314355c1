# SPDX-License-Identifier: LGPL-2.1-or-later
# Calls through Sys::Virt, the way a Perl program makes them. Prints "name TAB result" for each.
use strict;
use warnings;
use Sys::Virt;
use Sys::Virt::Domain;

my $conn = Sys::Virt->new(uri => $ARGV[0]);
my $xml = "<domain type='test'><name>perl</name><memory>65536</memory><os><type>hvm</type></os></domain>";

sub show {
    my ($name, $call) = @_;
    my @result = eval { $call->() };
    my $text = $@ ? (ref $@ ? sprintf("error %d/%d %s", $@->code, $@->domain, $@->message) : "died") :
        join(" ", map { ref $_ eq "HASH" ? join(",", map { "$_=" . $result[0]->{$_} } sort keys %$_) : $_ // "undef" } @result);
    $text =~ s/\n/\\n/g;
    print "$name\t$text\n";
}

show("type", sub { $conn->get_type });
show("uri scheme", sub { $conn->get_uri =~ /^(\w+)/ });
show("version", sub { $conn->get_version });
show("alive", sub { $conn->is_alive ? 1 : 0 });
show("node", sub { my $i = $conn->get_node_info; "$i->{cpus} $i->{model} $i->{memory}" });
show("domains", sub { sort map { $_->get_name } $conn->list_all_domains });
show("networks", sub { sort map { $_->get_name } $conn->list_all_networks });
show("pools", sub { sort map { $_->get_name } $conn->list_all_storage_pools });
show("interfaces", sub { sort map { $_->get_name } $conn->list_all_interfaces });
show("no such domain", sub { $conn->get_domain_by_name("nosuch") });
show("broken xml", sub { $conn->define_domain("<domain") });
my $dom = $conn->define_domain($xml);
show("defined", sub { $dom->get_name, $dom->is_active ? 1 : 0, $dom->is_persistent ? 1 : 0 });
show("start", sub { $dom->create; $dom->get_state });
show("start again", sub { $dom->create });
show("info", sub { my $i = $dom->get_info; "$i->{maxMem} $i->{memory} $i->{nrVirtCpu} $i->{state}" });
show("memory", sub { $dom->get_max_memory });
show("vcpus", sub { $dom->get_vcpus(Sys::Virt::Domain::VCPU_CONFIG) });
show("suspend", sub { $dom->suspend; $dom->get_state });
show("resume", sub { $dom->resume; $dom->get_state });
show("autostart", sub { $dom->set_autostart(1); $dom->get_autostart });
show("scheduler", sub { $dom->get_scheduler_type });
show("snapshot", sub { $dom->create_snapshot("<domainsnapshot><name>s1</name></domainsnapshot>")->get_name });
show("snapshots", sub { map { $_->get_name } $dom->list_all_snapshots });
show("snapshot gone", sub { $dom->get_snapshot_by_name("s1")->delete; $dom->num_of_snapshots });
show("destroy", sub { $dom->destroy; $dom->is_active ? 1 : 0 });
show("undefine", sub { $dom->undefine; my @left = $conn->list_all_domains; scalar @left });
show("network", sub { my $n = $conn->get_network_by_name("default"); $n->get_bridge_name, $n->is_active ? 1 : 0 });
show("pool", sub { my $i = $conn->get_storage_pool_by_name("default-pool")->get_info; "$i->{state} $i->{capacity}" });
