// The search of the site runs in a Worker, which browsers do not start from file://. There, and only
// there, this one runs its script in a hidden frame, with the same messages.
if (location.protocol === "file:") {
  const workers = (window.frameWorkers = []);
  window.Worker = class FrameWorker extends EventTarget {
    constructor(url) {
      super();
      const me = workers.push(this) - 1;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.srcdoc = `<body><script>
        const owner = parent.frameWorkers[${me}];
        window.postMessage = data => owner.dispatchEvent(new parent.MessageEvent("message", {data}));
        window.importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((done, failed) => {
          const script = document.createElement("script");
          Object.assign(script, {src: url, onload: done, onerror: failed});
          document.body.appendChild(script);
        })), Promise.resolve());
      <\/script><script src="${url}"><\/script>`;
      this.ready = new Promise(done => { this.frame.onload = done; });
      const show = () => document.body.appendChild(this.frame);
      document.body ? show() : addEventListener("DOMContentLoaded", show);
    }
    postMessage(data) {
      const inside = this.frame;
      this.ready.then(() => inside.contentWindow.dispatchEvent(
        new inside.contentWindow.MessageEvent("message", {data})));
    }
    terminate() { this.frame.remove(); }
  };
}
