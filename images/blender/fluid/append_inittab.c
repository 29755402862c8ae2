/* Lets Blender's fluid simulation start with Debian's Python.
 *
 * The simulation calls PyImport_AppendInittab when it is used first. Since Python 3.12 that function ends the process
 * once Python runs, so adding a fluid domain ended Blender. This one, preloaded into Blender, makes the module at once.
 */

typedef struct _object PyObject;

extern PyObject *PyImport_GetModuleDict(void);
extern int PyDict_SetItemString(PyObject *dictionary, const char *key, PyObject *value);

int PyImport_AppendInittab(const char *name, PyObject *(*init)(void))
{
    PyObject *module = init();
    return module ? PyDict_SetItemString(PyImport_GetModuleDict(), name, module) : -1;
}
