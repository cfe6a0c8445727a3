"""Holds the simulated driver, and kernels that are written out, against Python: folding in the order of
docs/numerics.md, indices of the smallest, products, conversions, and what a fault and an access out of bounds come to.

    python3 tests/cudasim/check.py target/cudasim/HASH
"""
import os, sys
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
os.chdir(sys.argv[1])
import ctypes as C, random, struct
cu=C.CDLL('./libcuda.so',mode=C.RTLD_GLOBAL); rt=C.CDLL('./libnvrtc.so')
K=ROOT+'/runtime/cuda/src/kernels/'
def ok(c,w=''): assert c==0,(c,w)
cu.cudasim_configure(b"mem=64M order=random:3 streams=lazy")
ok(cu.cuInit(0)); ctx=C.c_void_p(); ok(cu.cuDevicePrimaryCtxRetain(C.byref(ctx),0)); ok(cu.cuCtxSetCurrent(ctx))
st=C.c_void_p(); ok(cu.cuStreamCreate(C.byref(st),1))
def mod(text,name):
    p=C.c_void_p(); ok(rt.nvrtcCreateProgram(C.byref(p),text.encode(),None,0,None,None))
    o=(C.c_char_p*3)(b"--gpu-architecture=compute_90",b"--fmad=false",b"--std=c++17")
    c=rt.nvrtcCompileProgram(p,3,o)
    if c:
        n=C.c_size_t(); rt.nvrtcGetProgramLogSize(p,C.byref(n)); b=C.create_string_buffer(n.value); rt.nvrtcGetProgramLog(p,b); print(b.value.decode()[:3000]); raise SystemExit(c)
    n=C.c_size_t(); rt.nvrtcGetPTXSize(p,C.byref(n)); b=C.create_string_buffer(n.value); rt.nvrtcGetPTX(p,b)
    m=C.c_void_p(); ok(cu.cuModuleLoadData(C.byref(m),b),'load'); fs=[]
    for nm in name:
        f=C.c_void_p(); ok(cu.cuModuleGetFunction(C.byref(f),m,nm),nm); fs.append(f)
    return fs
def dev(b):
    a=C.c_ulonglong(); ok(cu.cuMemAllocAsync(C.byref(a),C.c_size_t(len(b)),st)); ok(cu.cuMemcpyHtoDAsync_v2(a,b,C.c_size_t(len(b)),st)); return a
def back(a,n):
    b=C.create_string_buffer(n); ok(cu.cuMemcpyDtoHAsync_v2(b,a,C.c_size_t(n),st),'dtoh'); return b.raw
def launch(f,grid,params):
    arr=(C.c_void_p*len(params))(*[C.cast(C.byref(p),C.c_void_p) for p in params])
    ok(cu.cuLaunchKernel(f,*grid,256,1,1,0,st,arr,None),'launch')
q=C.c_longlong
E=open(K+'elements.cuh').read()
def foldtext(T,X,neutral,comb,fin='(x)'):
    return E+f"#define NBC_T {T}\n#define NBC_FROM {X}\n#define NBC_NEUTRAL ((NBC_T){neutral})\nstatic __device__ __forceinline__ NBC_T nbc_combine(NBC_T a, NBC_T b) {{ return {comb}; }}\n#define NBC_COMBINE(a, b) nbc_combine(a, b)\n#define NBC_GET(x) (NBC_T)(x)\n#define NBC_FINISH(x, n) {fin}\n"+open(K+'fold.cuh').read()
def ref(x):
    if len(x)>4096: return ref([ref(x[i:i+4096]) for i in range(0,len(x),4096)])
    l=[0.0]*16
    for i,v in enumerate(x): l[i%16]+=v
    for h in (8,4,2,1):
        for i in range(h): l[i]+=l[i+h]
    return l[0]
first,nxt=mod(foldtext('f64','f64','0','nbc_add(a, b)'),[b'nbc_first',b'nbc_next'])
random.seed(5)
for outer,n,inner in ((1,20000,1),(3,5000,2),(2,7,30),(40,3,1)):
    x=[random.gauss(0,1)*10**random.randint(-5,5) for _ in range(outer*n*inner)]
    X=dev(struct.pack(f'{len(x)}d',*x)); blocks=-(-n//4096); R=outer*inner
    S=dev(bytes(8*R*blocks)); T=dev(bytes(8*R))
    launch(first,(-(-R*blocks//16),1,1),[S,X,q(outer),q(n),q(inner),q(n),q(int(blocks==1))])
    if blocks>1: launch(nxt,(-(-R//16),1,1),[T,S,q(outer),q(blocks),q(inner),q(n),q(1)])
    got=struct.unpack(f'{R}d',back(T if blocks>1 else S,8*R))
    want=[ref([x[(o*n+k)*inner+i] for k in range(n)]) for o in range(outer) for i in range(inner)]
    assert list(got)==want,(outer,n,inner)
    for a in (X,S,T): ok(cu.cuMemFreeAsync(a,st))
print('fold ok: bits of the documented order')
best,=mod(E+"#define NBC_T f64\n#define NBC_BEATS(a, b) ((a) < (b))\n"+open(K+'best.cuh').read(),[b'nbc_best'])
for outer,n,inner in ((3,70,5),(9,33,1)):
    x=[random.choice([float('nan'),1.0,2.0,-0.0,0.0,3.0]) if random.random()<.9 else 5.0 for _ in range(outer*n*inner)]
    x=[v if v==v or random.random()<.02 else 7.0 for v in x]
    X=dev(struct.pack(f'{len(x)}d',*x)); T=dev(bytes(8*outer*inner)); launch(best,(1,1,1),[T,X,q(outer),q(n),q(inner)])
    got=list(struct.unpack(f'{outer*inner}q',back(T,8*outer*inner)))
    def am(l):
        for i,v in enumerate(l):
            if v!=v: return i
        return min(range(len(l)),key=lambda i:(l[i],i))
    assert got==[am([x[(o*n+k)*inner+i] for k in range(n)]) for o in range(outer) for i in range(inner)]
    ok(cu.cuMemFreeAsync(X,st)); ok(cu.cuMemFreeAsync(T,st))
print('best ok')
mm,=mod(E+"#define NBC_T f64\n"+open(K+'matmul.cuh').read(),[b'nbc_matmul'])
m,k,n,cnt=37,50,21,3
a=[random.gauss(0,1) for _ in range(cnt*m*k)]; b=[random.gauss(0,1) for _ in range(k*n)]
A=dev(struct.pack(f'{len(a)}d',*a)); B=dev(struct.pack(f'{len(b)}d',*b)); T=dev(bytes(8*cnt*m*n))
launch(mm,(2,3,3),[T,A,B]+[q(v) for v in (m,k,n,cnt,m*k,0,0)])
got=struct.unpack(f'{cnt*m*n}d',back(T,8*cnt*m*n))
want=[]
for z in range(cnt):
    for i in range(m):
        for j in range(n):
            s=0.0
            for p in range(k): s+=a[(z*m+i)*k+p]*b[p*n+j]
            want.append(s)
assert list(got)==want; print('matmul ok')
for t in (A,B,T): ok(cu.cuMemFreeAsync(t,st))
ok(cu.cuStreamSynchronize(st)); cu.cudasim_live_bytes.restype=C.c_size_t; print('live',cu.cudasim_live_bytes(0))
each,=mod(E+'''extern "C" __global__ void __launch_bounds__(256) nbc_each(i64 *to, const f64 *pa, i64 n) {
 for (i64 i = (i64)blockIdx.x * 256 + threadIdx.x; i < n; i += (i64)gridDim.x * 256) { f64 a = pa[i]; to[i] = nbc_to<i64>::of(a); } }''',[b'nbc_each'])
x=[1.9,-1.9,float('nan'),1e300,-1e300,9.3e18,0.0,float('inf')]; X=dev(struct.pack('8d',*x)); T=dev(bytes(64)); launch(each,(1,1,1),[T,X,q(8)])
print(struct.unpack('8q',back(T,64)))
cu.cudasim_fault(b"cuLaunchKernel@1=700"); 
arr=(C.c_void_p*1)(); print('fault',cu.cuLaunchKernel(each,1,1,1,256,1,1,0,st,arr,None), 'then', cu.cuStreamSynchronize(st))
# out of bounds is caught
cu.cudasim_reset(); cu.cudasim_configure(b"mem=64M")
launch(each,(8,1,1),[T,X,q(2000)]); print('out of bounds:',cu.cuStreamSynchronize(st))
