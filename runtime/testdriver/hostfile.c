/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts read from a file: <node> with a CPU, memory, and objects, each of which may instead name another file. */

#include "base/file.h"
#include "testdriver/domain-ops.h"
#include "testdriver/moments.h"
#include "xml/doc.h"
#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <sys/stat.h>

#define TEST_NS "http://libvirt.org/schemas/domain/test/1.0"

/* Of all files of a host together: one may be named again and again. */
enum { BYTES_MAX = 2 * VH_XML_SIZE_MAX };

/* One kind of object under <node>. */
typedef struct Kind {
        const char *element;
        int (*load)(TestHost *host, const xmlNode *node, VhError **err);
} Kind;

/* A node as a document of its own; the caller frees it. */
static char *text_of(const xmlNode *node)
{
        xmlBuffer *buffer = xmlBufferCreate();
        char *text;

        xmlNodeDump(buffer, node->doc, (xmlNode *)node, 0, 0);
        text = vh_xstrdup((const char *)xmlBufferContent(buffer));
        xmlBufferFree(buffer);
        return text;
}

static char *attribute(const xmlNode *node, const char *name)
{
        xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
        char *copy = vh_xstrdup((const char *)value);

        xmlFree(value);
        return copy;
}

static char *content(const xmlNode *node)
{
        xmlChar *value = node ? xmlNodeGetContent(node) : NULL;
        char *copy = vh_xstrdup((const char *)value);

        xmlFree(value);
        return copy;
}

static bool is_element(const xmlNode *node, const char *name, const char *ns)
{
        if (node->type != XML_ELEMENT_NODE || !vh_streq((const char *)node->name, name))
                return false;
        return vh_streq(node->ns ? (const char *)node->ns->href : NULL, ns);
}

/* Only regular files: anything else could keep a worker waiting. Any client can name any file. */
static int read_file(const char *path, char **text, size_t *len)
{
        _vh_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? vh_file_read_fd(fd, VH_XML_SIZE_MAX, text, len) : -EINVAL;
}

/* What is wrong with the text is not said: it would show lines of a file that perhaps only we may read. */
static int parse_file(TestHost *host, const char *path, xmlDoc **doc, VhError **err)
{
        _vh_free_ char *text = NULL;
        size_t len = 0;

        if (read_file(path, &text, &len) == 0 && (host->bytes_read += len) <= BYTES_MAX &&
            vh_xml_doc_parse(doc, text, len, path, VIR_FROM_TEST, NULL) == 0) {
                (*doc)->URL = xmlStrdup((const xmlChar *)path); /* other files are named relative to it */
                return 0;
        }
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_ERROR, "failed to parse xml document '%s'", path);
}

/* The text of the test:NAME element of a domain, NULL if there is none; the caller frees it. */
static char *test_value(const xmlNode *domain, const char *name)
{
        for (const xmlNode *child = domain->children; child; child = child->next)
                if (is_element(child, name, TEST_NS))
                        return content(child);
        return NULL;
}

/* The path of file, seen from the file at base; the caller frees it. */
static char *path_beside(const char *base, const char *file)
{
        const char *slash = strrchr(base, '/');

        if (*file == '/' || !slash)
                return vh_xstrdup(file);
        return vh_xasprintf("%.*s/%s", (int)(slash - base), base, file);
}

/* What a domain's element says about its state. */
typedef struct DomainFacts {
        int state;
        bool transient;
        bool managed_save;
} DomainFacts;

static int read_facts(const xmlNode *node, DomainFacts *facts, VhError **err)
{
        _vh_free_ char *state = test_value(node, "runstate");
        _vh_free_ char *transient = test_value(node, "transient");
        _vh_free_ char *managed_save = test_value(node, "hasmanagedsave");
        unsigned value = VIR_DOMAIN_RUNNING;

        if (state && (vh_parse_uint(state, &value) < 0 || value > VIR_DOMAIN_PMSUSPENDED))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_ERROR, "runstate '%s' out of range'", state);
        facts->state = (int)value;
        facts->transient = transient;
        facts->managed_save = managed_save;
        if (facts->transient && facts->state == VIR_DOMAIN_SHUTOFF)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_ERROR,
                                    "transient domain cannot have runstate 'shutoff'");
        if (facts->managed_save && facts->state != VIR_DOMAIN_SHUTOFF)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_ERROR,
                                    "domain with managedsave data can only have runstate 'shutoff'");
        return 0;
}

/* A snapshot's element without its namespace prefix. */
static int load_snapshot(TestHost *host, VhDomainObj *dom, const xmlNode *node, VhError **err)
{
        _vh_free_ char *file = attribute(node, "file");
        _vh_free_ char *text = NULL;
        xmlDoc *doc;
        int r = 0;

        if (file) {
                r = parse_file(host, file, &doc, err);
                if (r < 0)
                        return r;
                text = text_of(xmlDocGetRootElement(doc));
        } else {
                doc = xmlNewDoc((const xmlChar *)"1.0");
                xmlDocSetRootElement(doc, xmlDocCopyNode((xmlNode *)node, doc, 1));
                xmlSetNs(xmlDocGetRootElement(doc), NULL);
                text = text_of(xmlDocGetRootElement(doc));
        }
        r = test_snapshot_load(dom, text, err);
        xmlFreeDoc(doc);
        return r;
}

static int load_snapshots(TestHost *host, VhDomainObj *dom, const xmlNode *node, VhError **err)
{
        for (const xmlNode *child = node->children; child; child = child->next) {
                int r = is_element(child, "domainsnapshot", TEST_NS) ? load_snapshot(host, dom, child, err) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_domain(TestHost *host, const xmlNode *node, VhError **err)
{
        DomainFacts facts = {};
        VhDomainDef *def;
        VhDomainObj *dom;
        int r = test_domain_parse_node(node, &def, err);

        if (r == 0)
                r = test_domain_adopt(host, def, false, &dom, NULL, err);
        if (r == 0)
                r = read_facts(node, &facts, err);
        if (r == 0)
                r = load_snapshots(host, dom, node, err);
        if (r < 0)
                return r;
        dom->persistent = !facts.transient;
        dom->has_managed_save = facts.managed_save;
        if (facts.state == VIR_DOMAIN_SHUTOFF)
                return 0;
        test_domain_start(host, dom, 0);
        vh_domain_obj_set_state(dom, facts.state, 0);
        return 0;
}

static int load_network(TestHost *host, const xmlNode *node, VhError **err)
{
        _vh_free_ char *text = text_of(node);

        return test_network_load(host, text, err);
}

static int load_interface(TestHost *host, const xmlNode *node, VhError **err)
{
        _vh_free_ char *text = text_of(node);

        return test_iface_load(host, text, err);
}

static int load_device(TestHost *host, const xmlNode *node, VhError **err)
{
        _vh_free_ char *text = text_of(node);

        return test_device_load(host, text, err);
}

static int load_volumes(TestPool *pool, const xmlNode *node, VhError **err)
{
        for (const xmlNode *child = node->children; child; child = child->next) {
                _vh_free_ char *text = is_element(child, "volume", NULL) ? text_of(child) : NULL;
                int r = text ? test_vol_load(pool, text, err) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_pool(TestHost *host, const xmlNode *node, VhError **err)
{
        _vh_free_ char *text = text_of(node);
        TestPool *pool;
        int r = test_pool_load(host, text, &pool, err);

        return r < 0 ? r : load_volumes(pool, node, err);
}

static const Kind kinds[] = {
        { "domain", load_domain }, { "network", load_network }, { "interface", load_interface },
        { "pool", load_pool },     { "device", load_device },
};

/* An object, or what the file that it names has as its root. */
static int load_object(TestHost *host, const Kind *kind, const xmlNode *node, VhError **err)
{
        _vh_free_ char *file = attribute(node, "file");
        _vh_free_ char *path = NULL;
        xmlDoc *doc;
        int r;

        if (!file)
                return kind->load(host, node, err);
        path = path_beside((const char *)node->doc->URL, file);
        r = parse_file(host, path, &doc, err);
        if (r < 0)
                return r;
        r = kind->load(host, xmlDocGetRootElement(doc), err);
        xmlFreeDoc(doc);
        return r;
}

static int load_objects(TestHost *host, const xmlNode *root, VhError **err)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(kinds); i++)
                for (const xmlNode *child = root->children; child; child = child->next) {
                        int r = is_element(child, kinds[i].element, NULL) ? load_object(host, &kinds[i], child, err)
                                                                          : 0;

                        if (r < 0)
                                return r;
                }
        return 0;
}

static int read_number(const xmlNode *cpu, const char *name, int *value, VhError **err)
{
        _vh_free_ char *text = content(vh_xml_child(cpu, name));

        if (!text || vh_parse_int(text, value) == 0)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_ERROR, "invalid node cpu %s value", name);
}

static bool count_cpus(TestNodeInfo *info)
{
        return !__builtin_mul_overflow(info->nodes, info->sockets, &info->cpus) &&
               !__builtin_mul_overflow(info->cpus, info->cores, &info->cpus) &&
               !__builtin_mul_overflow(info->cpus, info->threads, &info->cpus);
}

static int load_cpu(TestNodeInfo *info, const xmlNode *cpu, VhError **err)
{
        const struct {
                const char *name;
                int *value;
        } numbers[] = { { "nodes", &info->nodes },     { "sockets", &info->sockets }, { "cores", &info->cores },
                        { "threads", &info->threads }, { "active", &info->cpus },     { "mhz", &info->mhz } };
        _vh_free_ char *model = content(vh_xml_child(cpu, "model"));
        int active;

        for (unsigned i = 0; i < VH_ARRAY_SIZE(numbers); i++) {
                int r = read_number(cpu, numbers[i].name, numbers[i].value, err);

                if (r < 0)
                        return r;
        }
        active = info->cpus;
        if (!count_cpus(info))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_ERROR, "invalid node cpu topology: too many CPUs");
        if (vh_xml_child(cpu, "active"))
                info->cpus = active;
        if (!model)
                return 0;
        if (strlen(model) >= sizeof(info->model))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "Model %s too big for destination",
                                    model);
        memset(info->model, 0, sizeof(info->model));
        memcpy(info->model, model, strlen(model));
        return 0;
}

static int load_node(TestHost *host, const xmlNode *root, VhError **err)
{
        const xmlNode *cpu = vh_xml_child(root, "cpu");
        _vh_free_ char *memory = content(vh_xml_child(root, "memory"));

        if (memory && vh_parse_u64(memory, 10, &host->node.memory_kib) < 0)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_ERROR, "invalid node memory value");
        return cpu ? load_cpu(&host->node, cpu, err) : 0;
}

static int load_users(TestHost *host, const xmlNode *root, VhError **err)
{
        const xmlNode *auth = vh_xml_child(root, "auth");

        for (const xmlNode *child = auth ? auth->children : NULL; child; child = child->next) {
                _vh_free_ char *name = is_element(child, "user", NULL) ? content(child) : NULL;
                TestUser *user;

                if (!name)
                        continue;
                if (!*name)
                        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR,
                                            "missing username in /node/auth/user field");
                user = vh_new(TestUser, 1);
                user->name = VH_TAKE_PTR(name);
                user->password = attribute(child, "password");
                user->next = host->users;
                host->users = user;
        }
        return 0;
}

int test_host_load_file(TestHost *host, const char *path, VhError **err)
{
        const xmlNode *root;
        xmlDoc *doc;
        int r = parse_file(host, path, &doc, err);

        if (r < 0)
                return r;
        root = xmlDocGetRootElement(doc);
        if (!is_element(root, "node", NULL))
                r = vh_error_set(err, VIR_FROM_XML, VIR_ERR_XML_ERROR, "expecting root element of 'node', not '%s'",
                                 (const char *)root->name);
        if (r == 0)
                r = load_node(host, root, err);
        if (r == 0)
                r = load_objects(host, root, err);
        if (r == 0)
                r = load_users(host, root, err);
        xmlFreeDoc(doc);
        return r;
}
