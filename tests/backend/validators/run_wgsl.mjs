// Runs WGSL kernels on a software device and compares: run_wgsl.mjs JOBS.json
//   [{name, text, kernel, tolerance, bindings: [{element, written, data, want}]}]
// data and want hold elements as 32-bit words. Floats may differ by tolerance, relative to the larger
// of 1 and the value; others not at all. Prints a line for each job that is off, then a summary; fails
// when a kernel does not compile.
import { readFileSync } from "node:fs";

const { create, globals } = await import(process.env.COTANGENT_WEBGPU);
Object.assign(globalThis, globals);
const jobs = JSON.parse(readFileSync(process.argv[2], "utf8"));

const gpu = create([]);
const adapter = await gpu.requestAdapter();
// The null device answers too, with rubbish.
if (!/swiftshader/i.test(adapter?.info?.architecture ?? "")) {
  console.log("no SwiftShader:", adapter?.info);
  process.exit(1);
}
const device = await adapter.requestDevice();

function distance(got, want) {
  const [x, y] = [got, want].map((word) => new Float32Array(new Uint32Array([word]).buffer)[0]);
  if (Object.is(x, y) || (x === 0 && y === 0)) return 0;
  if (Number.isNaN(x) && Number.isNaN(y)) return 0;
  return Math.abs(x - y) / Math.max(1, Math.abs(y)); // NaN where only one is finite
}

async function run(job) {
  const module = device.createShaderModule({ code: job.text });
  const layout = device.createBindGroupLayout({
    entries: job.bindings.map((b, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: b.written ? "storage" : "read-only-storage" },
    })),
  });
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: job.kernel },
  });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffers = job.bindings.map((b) => {
    const data = new Uint32Array(b.data.length ? b.data : [0]);
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({
    layout,
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  }));
  pass.dispatchWorkgroups(job.groups ?? 1);
  pass.end();
  const reads = buffers.map((buffer) => {
    const read = device.createBuffer({
      size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    encoder.copyBufferToBuffer(buffer, 0, read, 0, buffer.size);
    return read;
  });
  device.queue.submit([encoder.finish()]);
  let worst = 0, where = "";
  for (const [k, b] of job.bindings.entries()) {
    if (!b.want) continue;
    await reads[k].mapAsync(GPUMapMode.READ);
    const got = new Uint32Array(reads[k].getMappedRange());
    for (const [n, want] of b.want.entries()) {
      const error = b.element === "f32" ? distance(got[n], want) : got[n] === want ? 0 : Infinity;
      if (!(error <= worst)) [worst, where] = [error, `binding ${k}, element ${n}`];
      if (Number.isNaN(error)) worst = Infinity;
    }
  }
  return [worst, where];
}

let off = 0, broken = 0, exact = 0;
for (const job of jobs) {
  device.pushErrorScope("validation");
  let worst = Infinity, where = "";
  try {
    [worst, where] = await run(job);
  } catch (error) {
    where = String(error.message ?? error);
  }
  const error = await device.popErrorScope();
  if (error || (worst === Infinity && !where.startsWith("binding"))) {
    ++broken;
    console.log(`${job.name}: ${error?.message ?? where}`);
  } else if (worst > job.tolerance) {
    ++off;
    console.log(`${job.name}: off by ${worst} at ${where}`);
  } else if (worst === 0) {
    ++exact;
  }
}
console.log(`ran ${jobs.length}, exact ${exact}, off ${off}, broken ${broken}`);
process.exit(broken > 0 || jobs.length === 0 ? 1 : 0);
