#compdef vcli
# Completions of vcli for zsh, written by `vcli completions write`.
# Use them in this shell with: source vcli.zsh; or put the file as _vcli into a directory of $fpath.

_vcli_facts() {
    verbs=() default='' options=() arguments=()
    case "$1" in
    '') verbs=('register:Align one medical image with another, 2D or 3D (WiNet, arXiv:2407.13426).' 'pcd-anomaly:Find defects in 3D scans of a part (Group3AD, arXiv:2408.04604).' 'rppg-adapt:Measure the pulse from a video of a face, and adapt to a new camera without labels (SFDA-rPPG,...' 'kan-fit:Fit readable functions to data, and classify images (S-KAN, arXiv:2408.08338).' 'enhance-eval:Measure what low-light enhancement does to human eyes and to machine vision (arXiv:2409.14461).' 'doctor:Check what works on this machine, and how to mend the rest.' 'samples:List and copy the bundled samples.' 'weights:List and verify the shipped weights.' 'runs:List, show, compare and merge runs.' 'cite:Show the papers to cite for what a task did.' 'submit:Run a command as a job, or as an array of jobs that share its work.' 'completions:Write the completions of bash, zsh and fish.') options=('--version:Show the version and exit.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'register') verbs=('pair:Register MOVING onto FIXED.' 'batch:Register all pairs of a list.' 'apply:Warp an image or labels with transforms of this or another program.' 'benchmark:Compare accuracy, time and memory with greedy, ANTs and ConvexAdam.' 'train:Train WiNet on images of a data set or on synthetic pairs.' 'evaluate:Score transforms by labels, landmarks and the Jacobian, or a data set by its protocol.') default='pair' options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'register pair') options=('--sample:Register the bundled sample.' '--volume:Which volume of a 4D image.' '--transform:Kind of map; diffeo is invertible and does not fold.' '--method:Optimise, predict with the network, or auto: optimise, from the prediction if it fits better.' '--preset:fast works at half the images resolution; accurate iterates longer.' '--metric:Image term; mi or mind for images of different kinds.' '--lambda:Weight of smoothness.' '--volume-weight:Weight against local changes of volume.' '--wavelet:Wavelet of the field, as PyWavelets names it.' '--iters:Iterations of each stage, finest last.' '--spacing:Working spacing; default by preset.' '--no-symmetric:Compare the images in both directions.' '--symmetric:Compare the images in both directions.' '--init:Start: header, moments, search (also tries permuted axes), or a transform FILE.' '--max-memory:Memory limit; work at a coarser resolution if needed.' '--weights:Weights of the network; default for the shipped ones.' '--fixed-label:Labels of the fixed image, to score the map by.' '--moving-label:Labels of the moving image.' '--fixed-mask:Region of the fixed image that is compared.' '--moving-mask:Region of the moving image that is compared.' '--fixed-points:Landmarks on the fixed image, RAS mm, to score the map by.' '--moving-points:Corresponding landmarks on the moving image, RAS mm.' '--label-names:Table of label names.' '--no-pictures:Write QC pictures and report.html of a pair.' '--pictures:Write QC pictures and report.html of a pair.' '--label-interp:Interpolation of labels.' '--max-folds:Exit 5 if more voxels fold.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file' 'file') ;;
    'register batch') options=('--only:Register only this pair.' '--l2r-submission:Also write displacement files for Learn2Reg.' '--transform:Kind of map; diffeo is invertible and does not fold.' '--method:Optimise, predict with the network, or auto: optimise, from the prediction if it fits better.' '--preset:fast works at half the images resolution; accurate iterates longer.' '--metric:Image term; mi or mind for images of different kinds.' '--lambda:Weight of smoothness.' '--volume-weight:Weight against local changes of volume.' '--wavelet:Wavelet of the field, as PyWavelets names it.' '--iters:Iterations of each stage, finest last.' '--spacing:Working spacing; default by preset.' '--no-symmetric:Compare the images in both directions.' '--symmetric:Compare the images in both directions.' '--init:Start: header, moments, search (also tries permuted axes), or a transform FILE.' '--max-memory:Memory limit; work at a coarser resolution if needed.' '--weights:Weights of the network; default for the shipped ones.' '--label-names:Table of label names.' '--no-pictures:Write QC pictures and report.html of a pair.' '--pictures:Write QC pictures and report.html of a pair.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'register apply') options=('--input:Image or labels to warp.' '-i:Image or labels to warp.' '--reference:Grid to warp onto.' '-r:Grid to warp onto.' '--transform:Transform; repeat in the order in which points are mapped.' '-t:Transform; repeat in the order in which points are mapped.' '--out:File to write.' '-o:File to write.' '--invert:Invert the K-th transform; may repeat.' '--interp:Interpolation.' '--volume:Which volume of a 4D image.' '--overwrite:Replace the file.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'register benchmark') options=('--baselines-env:A Python environment with all baselines.' '--baselines:Baselines, or none; their environments are made on first use.' '--presets:Configurations of this program, or none.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'register train') options=('--synthetic:Train on pairs drawn from label maps.' '--ablate:With --synthetic: train and compare variants of the network.' '--layout:Layout of the files in DATA.' '--atlas:Image to register all others with.' '--spacing:Working spacing.' '--no-align:Align linearly; by default if the layout needs it.' '--align:Align linearly; by default if the layout needs it.' '--val-fraction:Fraction of the images, or listed pairs, to validate on if DATA is not divided; at least one.' '--no-augment:Augment the images of DATA.' '--augment:Augment the images of DATA.' '--weights:Initial weights; default for the shipped ones.' '--preset:Distribution of synthetic pairs: that of the shipped weights.' '--label-maps:Label maps for --synthetic; default: generated heads.' '--dim:Number of axes, 2 or 3, for --synthetic and layouts that have both.' '--steps:Optimiser steps; default 1000, synthetic: those of the shipped weights.' '--epochs:Passes over the pairs of DATA, instead of --steps.' '--batch-size:Pairs of each step, over all processes.' '--lr:Learning rate of Adam; default 0.0003, synthetic: 0.001.' '--loss:Image term; mi or mind for images of different kinds.' '--reg-compat:Scale smoothness as the published code does.' '--transform:What the network predicts.' '--wavelet:Wavelet of the field, as PyWavelets names it.' '--width:Start width of the network.' '--no-refine:Include the refinement blocks.' '--refine:Include the refinement blocks.' '--no-smooth:Include the convolutions C1 to C3.' '--smooth:Include the convolutions C1 to C3.' '--dice-weight:Weight of the overlap of labels.' '--lambda:Weight of smoothness.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--precision:Number format of the network.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'register evaluate') options=('--l2r-compat:Also give SD log J as the script of Learn2Reg computes it.' '--out:Run directory for DATA; without DATA, a JSON file for the metrics.' '-o:Run directory for DATA; without DATA, a JSON file for the metrics.' '--fixed-label:Labels of the fixed image, to score the map by.' '--moving-label:Labels of the moving image.' '--transform:Transform; repeat in the order in which points are mapped.' '-t:Transform; repeat in the order in which points are mapped.' '--disp:A Learn2Reg displacement instead of transforms.' '--fixed-points:Landmarks on the fixed image, RAS mm, to score the map by.' '--moving-points:Corresponding landmarks on the moving image, RAS mm.' '--label-names:Table of label names.' '--label-interp:Interpolation of labels.' '--layout:Layout of the files in DATA.' '--subset:Part of DATA to score.' '--dim:Number of axes, 2 or 3, for layouts that have both.' '--transform-kind:Kind of map for the pairs of DATA, as --transform of other verbs.' '--method:Optimise, predict with the network, or auto: optimise, from the prediction if it fits better.' '--preset:fast works at half the images resolution; accurate iterates longer.' '--metric:Image term; mi or mind for images of different kinds.' '--lambda:Weight of smoothness.' '--volume-weight:Weight against local changes of volume.' '--wavelet:Wavelet of the field, as PyWavelets names it.' '--iters:Iterations of each stage, finest last.' '--spacing:Working spacing; default by preset.' '--no-symmetric:Compare the images in both directions.' '--symmetric:Compare the images in both directions.' '--init:Start: header, moments, search (also tries permuted axes), or a transform FILE.' '--max-memory:Memory limit; work at a coarser resolution if needed.' '--weights:Weights of the network; default for the shipped ones.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'pcd-anomaly') verbs=('run:Train on a data set, score its test scans and measure the scores.' 'synth:Generate parts with known defects and poses, in the layout of Real3D-AD.' 'train:Train a model of every part of a data set on its prototypes.' 'predict:Score scans of a trained part: scores of all points, regions, and a decision.' 'evaluate:Score the test scans of a data set and measure the scores, optionally beside baselines.' 'register:Find the pose of a scan on a reference, with its status.' 'info:Show the models of a run, or facts on a file of points.' 'merge:Name the command that merges shards.') default='run' options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'pcd-anomaly run') options=('--sample:Generate parts with defects and run on them, by default with --views 6 and --steps 100.' '--unit:Factor on coordinates, as 1000 for m to mm; auto for none.' '--layout:Layout of DATA.' '--class:Use only this class; repeatable.' '--train:Good scans of one part, or a CAD mesh.' '--test:Folder of test scans.' '--gt:Folder of the ground truth of the points of --test.' '--groups:Number of groups of a scan.' '--group-size:Number of points of a group.' '--bank:Number of groups in the memory bank.' '--views:Number of virtual one-sided views of the prototypes.' '--clusters:Number of clusters of groups.' '--steps:Training steps of the head; 0 for no head.' '--no-iun:Use the loss that spreads clusters (inter-cluster uniformity).' '--iun:Use the loss that spreads clusters (inter-cluster uniformity).' '--no-ian:Use the loss that gathers clusters (intra-cluster alignment).' '--ian:Use the loss that gathers clusters (intra-cluster alignment).' '--no-push:Use the loss that repels pseudo-defects; not in the paper.' '--push:Use the loss that repels pseudo-defects; not in the paper.' '--alpha:Share of good scans that may be called defective.' '--features:Vectors of groups; pointmae needs --weights.' '--weights:Point-MAEs pretrain.pth.' '--max-memory:Memory limit: use smaller chunks, or refuse a scan that would exceed it.' '--agcs:More groups at differences from the reference, at edges, or nowhere.' '--save:Files to write: scores, ply, regions, png; png adds the report, of scans that are not normal.' '--methods:Methods to measure on the same poses: ours and baselines, or all.' '--protocol:reg3d measures as the code of Reg3D-AD: points of the truth, ranges of the test set, highest score.' '--bootstrap:Number of bootstrap resamples for intervals; 0 for no intervals.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'pcd-anomaly synth') options=('--count:Number of parts.' '-n:Number of parts.' '--points:Approximate number of points of a scan.' '--suite:Variation of instances, and size of defects.' '--prototypes:Prototypes of a part: good scans of all sides.' '--good:Good test scans of a part.' '--defective:Defective test scans of a part.' '--prototype-points:Approximate number of points of a prototype; 0 for that of a scan.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'pcd-anomaly train') options=('--unit:Factor on coordinates, as 1000 for m to mm; auto for none.' '--layout:Layout of DATA.' '--class:Use only this class; repeatable.' '--train:Good scans of one part, or a CAD mesh.' '--groups:Number of groups of a scan.' '--group-size:Number of points of a group.' '--bank:Number of groups in the memory bank.' '--views:Number of virtual one-sided views of the prototypes.' '--clusters:Number of clusters of groups.' '--steps:Training steps of the head; 0 for no head.' '--no-iun:Use the loss that spreads clusters (inter-cluster uniformity).' '--iun:Use the loss that spreads clusters (inter-cluster uniformity).' '--no-ian:Use the loss that gathers clusters (intra-cluster alignment).' '--ian:Use the loss that gathers clusters (intra-cluster alignment).' '--no-push:Use the loss that repels pseudo-defects; not in the paper.' '--push:Use the loss that repels pseudo-defects; not in the paper.' '--alpha:Share of good scans that may be called defective.' '--features:Vectors of groups; pointmae needs --weights.' '--weights:Point-MAEs pretrain.pth.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'pcd-anomaly predict') options=('--class:Class of the model to use.' '--fail-on-anomaly:Exit with code 10 if a scan is anomalous.' '--unit:Factor on coordinates, as 1000 for m to mm; auto for none.' '--weights:Point-MAEs pretrain.pth.' '--max-memory:Memory limit: use smaller chunks, or refuse a scan that would exceed it.' '--agcs:More groups at differences from the reference, at edges, or nowhere.' '--save:Files to write: scores, ply, regions, png; png adds the report, of scans that are not normal.' '--registration:Search the pose, refine --init, or use --init unchanged.' '--init:JSON file of the initial pose, with scan_to_reference (4 x 4).' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file' 'file...') ;;
    'pcd-anomaly evaluate') options=('--unit:Factor on coordinates, as 1000 for m to mm; auto for none.' '--layout:Layout of DATA.' '--class:Use only this class; repeatable.' '--train:Good scans of one part, or a CAD mesh.' '--test:Folder of test scans.' '--gt:Folder of the ground truth of the points of --test.' '--weights:Point-MAEs pretrain.pth.' '--max-memory:Memory limit: use smaller chunks, or refuse a scan that would exceed it.' '--agcs:More groups at differences from the reference, at edges, or nowhere.' '--save:Files to write: scores, ply, regions, png; png adds the report, of scans that are not normal.' '--methods:Methods to measure on the same poses: ours and baselines, or all.' '--protocol:reg3d measures as the code of Reg3D-AD: points of the truth, ranges of the test set, highest score.' '--bootstrap:Number of bootstrap resamples for intervals; 0 for no intervals.' '--ablate:Also measure the ablation: base, +IUN, +IAN, +push, +AGCS.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file' 'file') ;;
    'pcd-anomaly register') options=('--out:JSON file of the pose.' '-o:JSON file of the pose.' '--seed:Seed of all random numbers.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file' 'file') ;;
    'pcd-anomaly info') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'pcd-anomaly merge') options=('--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('directory...') ;;
    'rppg-adapt') verbs=('predict:Estimate heart rates from videos of faces.' 'preprocess:Crop the faces of a data set into a cache, for train, adapt and evaluate.' 'train:Train a network on labelled clips.' 'adapt:Adapt a network to unlabelled clips of a target domain, without its source data.' 'evaluate:Score heart rates against labels, with standard errors and bootstrap intervals.' 'synth:Generate videos of faces with a known pulse.' 'plot:Draw figures of a run: training history, spectrograms, spatio-temporal maps.' 'info:Show network, input and digest of a weight file.') default='predict' options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'rppg-adapt predict') options=('--sample:Use the bundled sample.' '--method:Method; auto takes the most reliable one per window.' '--window:Length of a window, s.' '--step:Time between two windows, s.' '--hr-range:Range of heart rates, bpm.' '--fps:Frame rate, instead of the files times.' '--tta:Steps of test-time adaptation per video.' '--hrv:Compute heart rate variability.' '--resp:Compute respiration rate.' '--roi:Fixed box instead of detected faces, px.' '--detector:Face detector.' '--face-model:Model file of --detector yunet.' '--faces:Maximum number of faces, largest first.' '--gt:Ground-truth wave of a single video.' '--no-pictures:Draw a picture of each face, and write report.html.' '--pictures:Draw a picture of each face, and write report.html.' '--strict:Fail with exit code 5 without a reliable pulse.' '--weights:Weights of the network; default for the shipped ones.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file...') ;;
    'rppg-adapt preprocess') options=('--layout:Folder layout of the data set.' '--size:Rows and columns of the crops.' '--fps:Frames per second of the clips.' '--stmap:Store spatio-temporal maps too.' '--detector:Face detector.' '--face-model:Model file of --detector yunet.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'rppg-adapt train') options=('--synthetic:Train on generated clips instead of a cache.' '--preset:Preset of the generated clips, as in synth, or all of their variety.' '--weights:Start from these weights, with their network, size and input.' '--backbone:Network; lite by default.' '--input:Input of the network: frame differences (default), or standardised pixels.' '--size:Rows and columns of clips.' '--val-fraction:Share of held-out subjects.' '--frames:Frames of a training clip.' '--epochs:Passes over the cache.' '--steps:Steps instead of epochs.' '--batch-size:Clips per step.' '--lr:Learning rate.' '--keep:Weights to keep: best in validation, or the last ones.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'rppg-adapt adapt') options=('--weights:Source weights; also a .pth of rPPG-Toolboxs PhysNet.' '--loss:Loss; paper: FWD and the anchor only.' '--branches:Branches: original, spatial, temporal.' '--distance:Distance of spectra; default fwd for paper, mse for robust.' '--fwd-p:Order of FWD.' '--fwd-solver:Solver of FWD: closed form, or POT.' '--anchor:Weight of the anchor.' '--update:Weights to update: all, batch normalisation only, or all except the decoder.' '--epochs:Passes over the clips.' '--batch-size:Clips per step.' '--lr:Learning rate.' '--frames:Frames of a training window.' '--adapt-fraction:Share of subjects to adapt to; the others are tested.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'rppg-adapt evaluate') options=('--methods:Methods to score on a cache.' '--protocol:Interpolated peaks, or rPPG-Toolboxs protocol, which is the default for a pickle.' '--window:Whole videos, or length of windows, s.' '--group-by:Column of groups to score too.' '--weights:Weights of the network; default for the shipped ones.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'rppg-adapt synth') options=('--count:Number of videos.' '-n:Number of videos.' '--seconds:Length of each video, s.' '--preset:Skins, lights and movements; shift: dark skin, low light, JPEG.' '--fps:Frames per second.' '--size:Width and height, px.' '--bpm:Heart rate of all videos; random by default.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'rppg-adapt plot') options=('--out:Directory of the figures; RUN/plots by default.' '-o:Directory of the figures; RUN/plots by default.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'rppg-adapt info') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('any') ;;
    'kan-fit') verbs=('fit:Fit a table, a formula or a named function.' 'classify:Train an image classifier and compare it with baselines.' 'predict:Predict rows of a table, or images, with a fitted model.' 'explain:Draw a fitted network, find its formula, export both.' 'benchmark:Compare ours with baselines on functions or digits.') default='fit' options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'kan-fit fit') options=('--function:Fit a function of the suites.' '--expr:Fit a formula.' '--range:Ranges of the variables of --expr, as in x=-1:1,y=0:2.' '--rows:Rows to sample from a function.' '--noise:Noise on the target, in its standard deviations.' '--target:Column to predict; default y, target, label or the last one.' '--features:Columns to use; default all but the target.' '--val-fraction:Fraction of the rows to validate on.' '--test-fraction:Fraction of the rows to test on.' '--test:Table to test on, instead of a fraction.' '--no-header:The first line names the columns.' '--header:The first line names the columns.' '--impute:Fill missing numbers with the median of their column.' '--width:Hidden widths; 0 for no hidden layer, auto tries several.' '--pool:Activation spaces: default, paper, or names.' '--select-level:What has its own gates: nodes, edges or layers.' '--select:How modes are selected: by validation error, by gates alone, or not.' '--grid:Intervals of the coarsest grid.' '--refine:Intervals of the grids, from coarse to fine.' '--optimizer:Levenberg-Marquardt, L-BFGS or AdamW.' '--steps:Optimiser steps between two updates of ranges.' '--restarts:Initial weights tried on the coarsest grid.' '--budget:Begin no further network after 120s, 5m, 1h.' '--sample:Fit the bundled table.' '--no-compare:Also fit an MLP and gradient-boosted trees.' '--compare:Also fit an MLP and gradient-boosted trees.' '--no-pictures:Write pictures and the report.' '--pictures:Write pictures and the report.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'kan-fit classify') options=('--layout:Layout of the images; detected from file names.' '--resize:Resize images, in pixels.' '--val-fraction:Fraction of the images to validate on.' '--test-fraction:Fraction to test on, of data without a test part.' '--arch:S-ConvKAN, S-KAN of the pixels, or an ordinary CNN.' '--channels:Channels of the convolutions, or hidden widths.' '--pool:Activation spaces: default, paper, or names.' '--select-level:What has its own gates: nodes, edges or layers.' '--select:How modes are selected: by trials, by gates alone, or not.' '--grid:Intervals of a nodes range.' '--epochs:Passes over the training images.' '--batch-size:Images a step.' '--lr:Learning rate of AdamW.' '--weight-decay:Weight decay of AdamW.' '--augment:Shift images; basic also flips them horizontally.' '--sample:Classify scikit-learns digits.' '--no-compare:Also train a CNN, an MLP and gradient-boosted trees.' '--compare:Also train a CNN, an MLP and gradient-boosted trees.' '--no-pictures:Write pictures and the report.' '--pictures:Write pictures and the report.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--precision:Number format of the network.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'kan-fit predict') options=('--interval:Add conformal intervals of this level, as 0.9.' '--no-header:The first line names the columns.' '--header:The first line names the columns.' '--layout:Layout of the images; detected from file names.' '--resize:Resize images to the classifiers size.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file' 'file') ;;
    'kan-fit explain') options=('--picture-format:Format of the pictures.' '--prune:Remove edges below this fraction of their layers greatest variation.' '--symbolic:Find a formula.' '--library:Operators of the formula, one a line; default all.' '--save:Some of onnx, pt2, sympy, latex, python; or none.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'kan-fit benchmark') options=('--suite:s7, toy5, feynman20, digits, or names of functions.' '--baselines:Some of pykan, efficient-kan[=PATH], mlp, lightgbm, gplearn; or none.' '--alone:Spaces that ours is also measured with, each alone; or none.' '--rows:Rows to sample from each function.' '--noise:Noise on the target, in its standard deviations.' '--threads:Threads of each method.' '--baselines-env:Environment that has all baselines; default: one is created for each.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'enhance-eval') verbs=('run:Score enhancement methods for human eyes and for machine vision, side by side.' 'enhance:Enhance pictures; each method writes a folder of its own with the same names, as PNG.' 'degrade:Darken pictures as a short exposure does, or by the formula of the literature.' 'score:Measure the quality of pictures, or the average precision of detections, that other programs made.' 'report:Make the statistics, figures and report of runs again, from the scores of their pictures.' 'train:Train a built-in network on generated scenes, or fit the NIQE model to photographs.' 'list:List what run can use: methods, measures, datasets or decoders.') default='run' options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'enhance-eval run') options=('--sample:The same on 24 generated scenes.' '--layout:Layout of the data set; list datasets shows them.' '--split:train, val, test or all; test where there is one.' '--reference:Well-exposed partners of the pictures, by stem.' '--limit:Pictures at most, evenly spaced.' '--strict:A missing pair or a name that does not map is an error.' '--quick:24 pictures.' '--methods:default, all, names, or dir: onnx: ts: py: cmd:; list methods shows them.' '--conditions:as-is, paper, ev-4 and the like; as-is for pictures, paper,ev-2,ev-4,ev-6 for generated scenes.' '--full-well:Electrons of a full pixel, for ev conditions.' '--read-noise:Electrons of read noise.' '--jpeg:JPEG quality of darkened pictures; 0: none.' '--measures:default, all or names; list measures shows them.' '--niqe-params:The authors NIQE parameters: adds niqe.' '--brisque-model:The authors allmodel: adds brisque, with --brisque-range.' '--brisque-range:The authors allrange.' '--tasks:cls,det or none; by default what the data are annotated for.' '--detector:builtin, onnx:FILE:decoder=NAME, hf:DIR, preds:DIR, py:MODULE:FUNCTION.' '--classifier:builtin, onnx:FILE, hf:DIR, py:MODULE:FUNCTION.' '--cls-unit:Classify whole pictures, or crops of their objects.' '--protocol:Score against annotations, or against what the detector finds in the reference.' '--save:sheets, pictures or none: contact sheets, every enhanced picture.' '--bootstrap:Bootstrap resamples of the pictures.' '--alpha:Level of tests.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'enhance-eval enhance') options=('--methods:Methods, as for run; list methods shows them.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'enhance-eval degrade') options=('--condition:paper, or ev and a number of stops.' '--full-well:Electrons of a full pixel.' '--read-noise:Electrons of read noise.' '--jpeg:JPEG quality; 0 for none.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'enhance-eval score') options=('--pred:Enhanced pictures.' '--reference:Well-exposed partners, by stem.' '--input:Dark inputs, by stem; LOE compares with them.' '--measures:default, all or names.' '--labels:COCO annotations.' '--detections:COCO results for them.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--shard:Process part I of N; auto reads both from a SLURM, SGE or LSF job array, auto/N only I.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'enhance-eval report') options=('--bootstrap:Bootstrap resamples of the pictures.' '--alpha:Level of tests.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file...') ;;
    'enhance-eval train') options=('--steps:Optimiser steps; as the shipped weights by default.' '--batch-size:Pictures a step; as the shipped weights by default.' '--lr:Learning rate; as the shipped weights by default.' '--scenes:Generated scenes to train on; curve takes new ones at every step instead.' '--out:Directory of the run.' '-o:Directory of the run.' '--resume:Resume the run in --out.' '--overwrite:Replace the run in --out.' '--config:Take defaults from a YAML file, or repeat a run: --config RUN/run.json.' '--device:auto, cpu, cuda, cuda:N or mps.' '--threads:CPU threads; auto uses what the machine or the scheduler allows.' '--seed:Seed of all random numbers.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('choice detector classifier curve niqe') ;;
    'enhance-eval list') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--verbose:Write details, and tracebacks of unexpected errors.' '-v:Write details, and tracebacks of unexpected errors.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('choice methods measures datasets decoders') ;;
    'doctor') options=('--deep:Import every library; takes up to a minute.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'samples') verbs=('list:List the bundled samples.' 'copy:Copy the files of a tasks sample into a directory.') default='list' options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'samples list') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'samples copy') options=('--overwrite:Replace the run in --out.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('choice kan-fit register rppg-adapt' 'directory') ;;
    'weights') verbs=('list:List the shipped weights with the cards that say how they were made.' 'verify:Check that every shipped file has the digest that its card names.') default='list' options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'weights list') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'weights verify') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'runs') verbs=('list:List the runs below a directory, the latest first.' 'show:Show what a run was, how it ended, and what it measured.' 'compare:Show where the options, inputs, versions and measures of runs differ.' 'merge:Make one run out of its shards, once all of them are done.') default='show' options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'runs list') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('directory') ;;
    'runs show') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'runs compare') options=('--all:List also what is the same.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file...') ;;
    'runs merge') options=('--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('file') ;;
    'cite') options=('--bibtex:Write BibTeX, ready for a .bib file.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('any...') ;;
    'submit') options=('--array:Share the work among N tasks.' '--gpus:GPUs of a task; several for trainings.' '--cpus:Processors of a task.' '--mem:Memory of a task, as 16G.' '--time:Time limit, D-HH:MM:SS; whoever meets it resumes in a new turn.' '--partition:Partition of the cluster.' '--account:Account that is charged.' '--qos:Quality of service.' '--constraint:Features that nodes must have.' '--scheduler-arg:Another option of sbatch, as nodelist=n1; may be repeated.' '--setup:Lines of shell to run first, as `module load cuda`.' '--executor:Where to run; local is this machine, debug this process.' '--dry-run:Write a script for sbatch to stdout; submit nothing.' '--wait:Stay until the end, and say how far the tasks are.' '--json:Write the result to stdout as one JSON document.' '--quiet:Write warnings and errors only.' '-q:Write warnings and errors only.' '--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('any...') ;;
    'completions') verbs=('show:Write the script of one shell to stdout.' 'write:Write the scripts of all shells into a directory.' 'check:Check that the scripts in a directory are those of this version.') options=('--help:Show this message and exit.' '-h:Show this message and exit.') ;;
    'completions show') options=('--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('choice bash zsh fish') ;;
    'completions write') options=('--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('directory') ;;
    'completions check') options=('--help:Show this message and exit.' '-h:Show this message and exit.') arguments=('directory') ;;
    esac
}

_vcli_value() {
    kind=none choices=()
    case "$1 $2" in
    'register pair --volume') kind=any ;;
    'register pair --transform') kind=choice choices=('rigid' 'affine' 'displacement' 'diffeo') ;;
    'register pair --method') kind=choice choices=('auto' 'optimize' 'network') ;;
    'register pair --preset') kind=choice choices=('fast' 'default' 'accurate') ;;
    'register pair --metric') kind=choice choices=('lncc' 'mi' 'mind' 'mse') ;;
    'register pair --lambda') kind=any ;;
    'register pair --volume-weight') kind=any ;;
    'register pair --wavelet') kind=any ;;
    'register pair --iters') kind=any ;;
    'register pair --spacing') kind=any ;;
    'register pair --init') kind=any ;;
    'register pair --max-memory') kind=any ;;
    'register pair --weights') kind=file ;;
    'register pair --fixed-label') kind=file ;;
    'register pair --moving-label') kind=file ;;
    'register pair --fixed-mask') kind=file ;;
    'register pair --moving-mask') kind=file ;;
    'register pair --fixed-points') kind=file ;;
    'register pair --moving-points') kind=file ;;
    'register pair --label-names') kind=file ;;
    'register pair --label-interp') kind=choice choices=('label' 'nearest') ;;
    'register pair --max-folds') kind=any ;;
    'register pair --out' | 'register pair -o') kind=directory ;;
    'register pair --config') kind=file ;;
    'register pair --device') kind=any ;;
    'register pair --threads') kind=any ;;
    'register pair --seed') kind=any ;;
    'register batch --only') kind=any ;;
    'register batch --transform') kind=choice choices=('rigid' 'affine' 'displacement' 'diffeo') ;;
    'register batch --method') kind=choice choices=('auto' 'optimize' 'network') ;;
    'register batch --preset') kind=choice choices=('fast' 'default' 'accurate') ;;
    'register batch --metric') kind=choice choices=('lncc' 'mi' 'mind' 'mse') ;;
    'register batch --lambda') kind=any ;;
    'register batch --volume-weight') kind=any ;;
    'register batch --wavelet') kind=any ;;
    'register batch --iters') kind=any ;;
    'register batch --spacing') kind=any ;;
    'register batch --init') kind=any ;;
    'register batch --max-memory') kind=any ;;
    'register batch --weights') kind=file ;;
    'register batch --label-names') kind=file ;;
    'register batch --out' | 'register batch -o') kind=directory ;;
    'register batch --config') kind=file ;;
    'register batch --shard') kind=any ;;
    'register batch --device') kind=any ;;
    'register batch --threads') kind=any ;;
    'register batch --seed') kind=any ;;
    'register apply --input' | 'register apply -i') kind=file ;;
    'register apply --reference' | 'register apply -r') kind=file ;;
    'register apply --transform' | 'register apply -t') kind=file ;;
    'register apply --out' | 'register apply -o') kind=file ;;
    'register apply --invert') kind=any ;;
    'register apply --interp') kind=choice choices=('linear' 'nearest' 'label' 'bspline') ;;
    'register apply --volume') kind=any ;;
    'register benchmark --baselines-env') kind=directory ;;
    'register benchmark --baselines') kind=any ;;
    'register benchmark --presets') kind=any ;;
    'register benchmark --out' | 'register benchmark -o') kind=directory ;;
    'register benchmark --config') kind=file ;;
    'register benchmark --shard') kind=any ;;
    'register benchmark --threads') kind=any ;;
    'register train --layout') kind=choice choices=('csv' 'folder' 'oasis' 'ixi' 'cmr' 'l2r') ;;
    'register train --atlas') kind=file ;;
    'register train --spacing') kind=any ;;
    'register train --val-fraction') kind=any ;;
    'register train --weights') kind=file ;;
    'register train --preset') kind=choice choices=('shipped') ;;
    'register train --label-maps') kind=directory ;;
    'register train --dim') kind=any ;;
    'register train --steps') kind=any ;;
    'register train --epochs') kind=any ;;
    'register train --batch-size') kind=any ;;
    'register train --lr') kind=any ;;
    'register train --loss') kind=choice choices=('lncc' 'mi' 'mind' 'mse') ;;
    'register train --transform') kind=choice choices=('diffeo' 'displacement') ;;
    'register train --wavelet') kind=any ;;
    'register train --width') kind=any ;;
    'register train --dice-weight') kind=any ;;
    'register train --lambda') kind=any ;;
    'register train --out' | 'register train -o') kind=directory ;;
    'register train --config') kind=file ;;
    'register train --device') kind=any ;;
    'register train --threads') kind=any ;;
    'register train --seed') kind=any ;;
    'register train --precision') kind=choice choices=('float32' 'bfloat16' 'float16') ;;
    'register evaluate --out' | 'register evaluate -o') kind=file ;;
    'register evaluate --fixed-label') kind=file ;;
    'register evaluate --moving-label') kind=file ;;
    'register evaluate --transform' | 'register evaluate -t') kind=file ;;
    'register evaluate --disp') kind=file ;;
    'register evaluate --fixed-points') kind=file ;;
    'register evaluate --moving-points') kind=file ;;
    'register evaluate --label-names') kind=file ;;
    'register evaluate --label-interp') kind=choice choices=('label' 'nearest') ;;
    'register evaluate --layout') kind=choice choices=('csv' 'folder' 'oasis' 'ixi' 'cmr' 'l2r') ;;
    'register evaluate --subset') kind=choice choices=('train' 'validation' 'test') ;;
    'register evaluate --dim') kind=any ;;
    'register evaluate --transform-kind') kind=choice choices=('rigid' 'affine' 'displacement' 'diffeo') ;;
    'register evaluate --method') kind=choice choices=('auto' 'optimize' 'network') ;;
    'register evaluate --preset') kind=choice choices=('fast' 'default' 'accurate') ;;
    'register evaluate --metric') kind=choice choices=('lncc' 'mi' 'mind' 'mse') ;;
    'register evaluate --lambda') kind=any ;;
    'register evaluate --volume-weight') kind=any ;;
    'register evaluate --wavelet') kind=any ;;
    'register evaluate --iters') kind=any ;;
    'register evaluate --spacing') kind=any ;;
    'register evaluate --init') kind=any ;;
    'register evaluate --max-memory') kind=any ;;
    'register evaluate --weights') kind=file ;;
    'register evaluate --config') kind=file ;;
    'register evaluate --shard') kind=any ;;
    'register evaluate --device') kind=any ;;
    'register evaluate --threads') kind=any ;;
    'register evaluate --seed') kind=any ;;
    'pcd-anomaly run --unit') kind=any ;;
    'pcd-anomaly run --layout') kind=choice choices=('auto' 'real3d' 'shapenet' 'mulsen' 'minishift' 'mvtec' 'folder') ;;
    'pcd-anomaly run --class') kind=any ;;
    'pcd-anomaly run --train') kind=directory ;;
    'pcd-anomaly run --test') kind=directory ;;
    'pcd-anomaly run --gt') kind=directory ;;
    'pcd-anomaly run --groups') kind=any ;;
    'pcd-anomaly run --group-size') kind=any ;;
    'pcd-anomaly run --bank') kind=any ;;
    'pcd-anomaly run --views') kind=any ;;
    'pcd-anomaly run --clusters') kind=any ;;
    'pcd-anomaly run --steps') kind=any ;;
    'pcd-anomaly run --alpha') kind=any ;;
    'pcd-anomaly run --features') kind=choice choices=('hybrid' 'fpfh' 'pointmae') ;;
    'pcd-anomaly run --weights') kind=file ;;
    'pcd-anomaly run --max-memory') kind=any ;;
    'pcd-anomaly run --agcs') kind=choice choices=('relative' 'absolute' 'off') ;;
    'pcd-anomaly run --save') kind=any ;;
    'pcd-anomaly run --methods') kind=any ;;
    'pcd-anomaly run --protocol') kind=choice choices=('ours' 'reg3d') ;;
    'pcd-anomaly run --bootstrap') kind=any ;;
    'pcd-anomaly run --out' | 'pcd-anomaly run -o') kind=directory ;;
    'pcd-anomaly run --config') kind=file ;;
    'pcd-anomaly run --shard') kind=any ;;
    'pcd-anomaly run --device') kind=any ;;
    'pcd-anomaly run --threads') kind=any ;;
    'pcd-anomaly run --seed') kind=any ;;
    'pcd-anomaly synth --count' | 'pcd-anomaly synth -n') kind=any ;;
    'pcd-anomaly synth --points') kind=any ;;
    'pcd-anomaly synth --suite') kind=choice choices=('rigid' 'tolerance' 'subtle') ;;
    'pcd-anomaly synth --prototypes') kind=any ;;
    'pcd-anomaly synth --good') kind=any ;;
    'pcd-anomaly synth --defective') kind=any ;;
    'pcd-anomaly synth --prototype-points') kind=any ;;
    'pcd-anomaly synth --seed') kind=any ;;
    'pcd-anomaly train --unit') kind=any ;;
    'pcd-anomaly train --layout') kind=choice choices=('auto' 'real3d' 'shapenet' 'mulsen' 'minishift' 'mvtec' 'folder') ;;
    'pcd-anomaly train --class') kind=any ;;
    'pcd-anomaly train --train') kind=directory ;;
    'pcd-anomaly train --groups') kind=any ;;
    'pcd-anomaly train --group-size') kind=any ;;
    'pcd-anomaly train --bank') kind=any ;;
    'pcd-anomaly train --views') kind=any ;;
    'pcd-anomaly train --clusters') kind=any ;;
    'pcd-anomaly train --steps') kind=any ;;
    'pcd-anomaly train --alpha') kind=any ;;
    'pcd-anomaly train --features') kind=choice choices=('hybrid' 'fpfh' 'pointmae') ;;
    'pcd-anomaly train --weights') kind=file ;;
    'pcd-anomaly train --out' | 'pcd-anomaly train -o') kind=directory ;;
    'pcd-anomaly train --config') kind=file ;;
    'pcd-anomaly train --device') kind=any ;;
    'pcd-anomaly train --threads') kind=any ;;
    'pcd-anomaly train --seed') kind=any ;;
    'pcd-anomaly predict --class') kind=any ;;
    'pcd-anomaly predict --unit') kind=any ;;
    'pcd-anomaly predict --weights') kind=file ;;
    'pcd-anomaly predict --max-memory') kind=any ;;
    'pcd-anomaly predict --agcs') kind=choice choices=('relative' 'absolute' 'off') ;;
    'pcd-anomaly predict --save') kind=any ;;
    'pcd-anomaly predict --registration') kind=choice choices=('auto' 'given' 'none') ;;
    'pcd-anomaly predict --init') kind=file ;;
    'pcd-anomaly predict --out' | 'pcd-anomaly predict -o') kind=directory ;;
    'pcd-anomaly predict --config') kind=file ;;
    'pcd-anomaly predict --shard') kind=any ;;
    'pcd-anomaly predict --device') kind=any ;;
    'pcd-anomaly predict --threads') kind=any ;;
    'pcd-anomaly predict --seed') kind=any ;;
    'pcd-anomaly evaluate --unit') kind=any ;;
    'pcd-anomaly evaluate --layout') kind=choice choices=('auto' 'real3d' 'shapenet' 'mulsen' 'minishift' 'mvtec' 'folder') ;;
    'pcd-anomaly evaluate --class') kind=any ;;
    'pcd-anomaly evaluate --train') kind=directory ;;
    'pcd-anomaly evaluate --test') kind=directory ;;
    'pcd-anomaly evaluate --gt') kind=directory ;;
    'pcd-anomaly evaluate --weights') kind=file ;;
    'pcd-anomaly evaluate --max-memory') kind=any ;;
    'pcd-anomaly evaluate --agcs') kind=choice choices=('relative' 'absolute' 'off') ;;
    'pcd-anomaly evaluate --save') kind=any ;;
    'pcd-anomaly evaluate --methods') kind=any ;;
    'pcd-anomaly evaluate --protocol') kind=choice choices=('ours' 'reg3d') ;;
    'pcd-anomaly evaluate --bootstrap') kind=any ;;
    'pcd-anomaly evaluate --out' | 'pcd-anomaly evaluate -o') kind=directory ;;
    'pcd-anomaly evaluate --config') kind=file ;;
    'pcd-anomaly evaluate --shard') kind=any ;;
    'pcd-anomaly evaluate --device') kind=any ;;
    'pcd-anomaly evaluate --threads') kind=any ;;
    'pcd-anomaly evaluate --seed') kind=any ;;
    'pcd-anomaly register --out' | 'pcd-anomaly register -o') kind=file ;;
    'pcd-anomaly register --seed') kind=any ;;
    'pcd-anomaly register --threads') kind=any ;;
    'rppg-adapt predict --method') kind=choice choices=('auto' 'net' 'pos' 'chrom' 'lgi' 'omit' 'ica' 'green' 'pbv') ;;
    'rppg-adapt predict --window') kind=any ;;
    'rppg-adapt predict --step') kind=any ;;
    'rppg-adapt predict --hr-range') kind=any ;;
    'rppg-adapt predict --fps') kind=any ;;
    'rppg-adapt predict --tta') kind=any ;;
    'rppg-adapt predict --roi') kind=any ;;
    'rppg-adapt predict --detector') kind=choice choices=('haar' 'lbp' 'yunet') ;;
    'rppg-adapt predict --face-model') kind=file ;;
    'rppg-adapt predict --faces') kind=any ;;
    'rppg-adapt predict --gt') kind=file ;;
    'rppg-adapt predict --weights') kind=file ;;
    'rppg-adapt predict --out' | 'rppg-adapt predict -o') kind=directory ;;
    'rppg-adapt predict --config') kind=file ;;
    'rppg-adapt predict --shard') kind=any ;;
    'rppg-adapt predict --device') kind=any ;;
    'rppg-adapt predict --threads') kind=any ;;
    'rppg-adapt predict --seed') kind=any ;;
    'rppg-adapt preprocess --layout') kind=choice choices=('ubfc' 'pure' 'cohface' 'ubfc-phys' 'mmpd' 'scamps' 'ibvp' 'lgi' 'physdrive' 'manifest') ;;
    'rppg-adapt preprocess --size') kind=any ;;
    'rppg-adapt preprocess --fps') kind=any ;;
    'rppg-adapt preprocess --detector') kind=choice choices=('haar' 'lbp' 'yunet') ;;
    'rppg-adapt preprocess --face-model') kind=file ;;
    'rppg-adapt preprocess --out' | 'rppg-adapt preprocess -o') kind=directory ;;
    'rppg-adapt preprocess --config') kind=file ;;
    'rppg-adapt preprocess --shard') kind=any ;;
    'rppg-adapt train --preset') kind=choice choices=('all' 'easy' 'hard' 'shift') ;;
    'rppg-adapt train --weights') kind=file ;;
    'rppg-adapt train --backbone') kind=choice choices=('lite' 'physnet') ;;
    'rppg-adapt train --input') kind=choice choices=('diff' 'standard') ;;
    'rppg-adapt train --size') kind=any ;;
    'rppg-adapt train --val-fraction') kind=any ;;
    'rppg-adapt train --frames') kind=any ;;
    'rppg-adapt train --epochs') kind=any ;;
    'rppg-adapt train --steps') kind=any ;;
    'rppg-adapt train --batch-size') kind=any ;;
    'rppg-adapt train --lr') kind=any ;;
    'rppg-adapt train --keep') kind=choice choices=('best' 'last') ;;
    'rppg-adapt train --out' | 'rppg-adapt train -o') kind=directory ;;
    'rppg-adapt train --config') kind=file ;;
    'rppg-adapt train --device') kind=any ;;
    'rppg-adapt train --threads') kind=any ;;
    'rppg-adapt train --seed') kind=any ;;
    'rppg-adapt adapt --weights') kind=file ;;
    'rppg-adapt adapt --loss') kind=choice choices=('robust' 'paper') ;;
    'rppg-adapt adapt --branches') kind=choice choices=('ost' 'os' 'ot') ;;
    'rppg-adapt adapt --distance') kind=choice choices=('fwd' 'mse' 'kl' 'js') ;;
    'rppg-adapt adapt --fwd-p') kind=any ;;
    'rppg-adapt adapt --fwd-solver') kind=choice choices=('cdf' 'pot') ;;
    'rppg-adapt adapt --anchor') kind=any ;;
    'rppg-adapt adapt --update') kind=choice choices=('all' 'bn' 'encoder') ;;
    'rppg-adapt adapt --epochs') kind=any ;;
    'rppg-adapt adapt --batch-size') kind=any ;;
    'rppg-adapt adapt --lr') kind=any ;;
    'rppg-adapt adapt --frames') kind=any ;;
    'rppg-adapt adapt --adapt-fraction') kind=any ;;
    'rppg-adapt adapt --out' | 'rppg-adapt adapt -o') kind=directory ;;
    'rppg-adapt adapt --config') kind=file ;;
    'rppg-adapt adapt --device') kind=any ;;
    'rppg-adapt adapt --threads') kind=any ;;
    'rppg-adapt adapt --seed') kind=any ;;
    'rppg-adapt evaluate --methods') kind=any ;;
    'rppg-adapt evaluate --protocol') kind=choice choices=('fine' 'toolbox') ;;
    'rppg-adapt evaluate --window') kind=any ;;
    'rppg-adapt evaluate --group-by') kind=any ;;
    'rppg-adapt evaluate --weights') kind=file ;;
    'rppg-adapt evaluate --out' | 'rppg-adapt evaluate -o') kind=directory ;;
    'rppg-adapt evaluate --config') kind=file ;;
    'rppg-adapt evaluate --device') kind=any ;;
    'rppg-adapt evaluate --threads') kind=any ;;
    'rppg-adapt synth --count' | 'rppg-adapt synth -n') kind=any ;;
    'rppg-adapt synth --seconds') kind=any ;;
    'rppg-adapt synth --preset') kind=choice choices=('easy' 'hard' 'shift') ;;
    'rppg-adapt synth --fps') kind=any ;;
    'rppg-adapt synth --size') kind=any ;;
    'rppg-adapt synth --bpm') kind=any ;;
    'rppg-adapt synth --out' | 'rppg-adapt synth -o') kind=directory ;;
    'rppg-adapt synth --config') kind=file ;;
    'rppg-adapt synth --shard') kind=any ;;
    'rppg-adapt synth --seed') kind=any ;;
    'rppg-adapt plot --out' | 'rppg-adapt plot -o') kind=directory ;;
    'kan-fit fit --function') kind=any ;;
    'kan-fit fit --expr') kind=any ;;
    'kan-fit fit --range') kind=any ;;
    'kan-fit fit --rows') kind=any ;;
    'kan-fit fit --noise') kind=any ;;
    'kan-fit fit --target') kind=any ;;
    'kan-fit fit --features') kind=any ;;
    'kan-fit fit --val-fraction') kind=any ;;
    'kan-fit fit --test-fraction') kind=any ;;
    'kan-fit fit --test') kind=file ;;
    'kan-fit fit --width') kind=any ;;
    'kan-fit fit --pool') kind=any ;;
    'kan-fit fit --select-level') kind=choice choices=('node' 'edge' 'layer') ;;
    'kan-fit fit --select') kind=choice choices=('validated' 'gate' 'none') ;;
    'kan-fit fit --grid') kind=any ;;
    'kan-fit fit --refine') kind=any ;;
    'kan-fit fit --optimizer') kind=choice choices=('auto' 'lm' 'lbfgs' 'adamw') ;;
    'kan-fit fit --steps') kind=any ;;
    'kan-fit fit --restarts') kind=any ;;
    'kan-fit fit --budget') kind=any ;;
    'kan-fit fit --out' | 'kan-fit fit -o') kind=directory ;;
    'kan-fit fit --config') kind=file ;;
    'kan-fit fit --device') kind=any ;;
    'kan-fit fit --threads') kind=any ;;
    'kan-fit fit --seed') kind=any ;;
    'kan-fit classify --layout') kind=choice choices=('auto' 'folders' 'idx' 'npz' 'cifar' 'cifar-binary' 'csv') ;;
    'kan-fit classify --resize') kind=any ;;
    'kan-fit classify --val-fraction') kind=any ;;
    'kan-fit classify --test-fraction') kind=any ;;
    'kan-fit classify --arch') kind=choice choices=('conv' 'dense' 'cnn') ;;
    'kan-fit classify --channels') kind=any ;;
    'kan-fit classify --pool') kind=any ;;
    'kan-fit classify --select-level') kind=choice choices=('node' 'edge' 'layer') ;;
    'kan-fit classify --select') kind=choice choices=('validated' 'gate' 'none') ;;
    'kan-fit classify --grid') kind=any ;;
    'kan-fit classify --epochs') kind=any ;;
    'kan-fit classify --batch-size') kind=any ;;
    'kan-fit classify --lr') kind=any ;;
    'kan-fit classify --weight-decay') kind=any ;;
    'kan-fit classify --augment') kind=choice choices=('none' 'shift' 'basic') ;;
    'kan-fit classify --out' | 'kan-fit classify -o') kind=directory ;;
    'kan-fit classify --config') kind=file ;;
    'kan-fit classify --device') kind=any ;;
    'kan-fit classify --threads') kind=any ;;
    'kan-fit classify --seed') kind=any ;;
    'kan-fit classify --precision') kind=choice choices=('float32' 'bfloat16' 'float16') ;;
    'kan-fit predict --interval') kind=any ;;
    'kan-fit predict --layout') kind=choice choices=('auto' 'folders' 'idx' 'npz' 'cifar' 'cifar-binary' 'csv') ;;
    'kan-fit predict --out' | 'kan-fit predict -o') kind=directory ;;
    'kan-fit predict --config') kind=file ;;
    'kan-fit explain --picture-format') kind=choice choices=('svg' 'png') ;;
    'kan-fit explain --prune') kind=any ;;
    'kan-fit explain --library') kind=file ;;
    'kan-fit explain --save') kind=any ;;
    'kan-fit explain --out' | 'kan-fit explain -o') kind=directory ;;
    'kan-fit explain --config') kind=file ;;
    'kan-fit explain --seed') kind=any ;;
    'kan-fit benchmark --suite') kind=any ;;
    'kan-fit benchmark --baselines') kind=any ;;
    'kan-fit benchmark --alone') kind=any ;;
    'kan-fit benchmark --rows') kind=any ;;
    'kan-fit benchmark --noise') kind=any ;;
    'kan-fit benchmark --threads') kind=any ;;
    'kan-fit benchmark --baselines-env') kind=directory ;;
    'kan-fit benchmark --out' | 'kan-fit benchmark -o') kind=directory ;;
    'kan-fit benchmark --config') kind=file ;;
    'kan-fit benchmark --shard') kind=any ;;
    'kan-fit benchmark --seed') kind=any ;;
    'enhance-eval run --layout') kind=any ;;
    'enhance-eval run --split') kind=any ;;
    'enhance-eval run --reference') kind=directory ;;
    'enhance-eval run --limit') kind=any ;;
    'enhance-eval run --methods') kind=any ;;
    'enhance-eval run --conditions') kind=any ;;
    'enhance-eval run --full-well') kind=any ;;
    'enhance-eval run --read-noise') kind=any ;;
    'enhance-eval run --jpeg') kind=any ;;
    'enhance-eval run --measures') kind=any ;;
    'enhance-eval run --niqe-params') kind=file ;;
    'enhance-eval run --brisque-model') kind=file ;;
    'enhance-eval run --brisque-range') kind=file ;;
    'enhance-eval run --tasks') kind=any ;;
    'enhance-eval run --detector') kind=any ;;
    'enhance-eval run --classifier') kind=any ;;
    'enhance-eval run --cls-unit') kind=choice choices=('image' 'crop') ;;
    'enhance-eval run --protocol') kind=choice choices=('frozen' 'consistency') ;;
    'enhance-eval run --save') kind=any ;;
    'enhance-eval run --bootstrap') kind=any ;;
    'enhance-eval run --alpha') kind=any ;;
    'enhance-eval run --out' | 'enhance-eval run -o') kind=directory ;;
    'enhance-eval run --config') kind=file ;;
    'enhance-eval run --shard') kind=any ;;
    'enhance-eval run --device') kind=any ;;
    'enhance-eval run --threads') kind=any ;;
    'enhance-eval run --seed') kind=any ;;
    'enhance-eval enhance --methods') kind=any ;;
    'enhance-eval enhance --out' | 'enhance-eval enhance -o') kind=directory ;;
    'enhance-eval enhance --config') kind=file ;;
    'enhance-eval enhance --shard') kind=any ;;
    'enhance-eval enhance --device') kind=any ;;
    'enhance-eval enhance --threads') kind=any ;;
    'enhance-eval enhance --seed') kind=any ;;
    'enhance-eval degrade --condition') kind=any ;;
    'enhance-eval degrade --full-well') kind=any ;;
    'enhance-eval degrade --read-noise') kind=any ;;
    'enhance-eval degrade --jpeg') kind=any ;;
    'enhance-eval degrade --out' | 'enhance-eval degrade -o') kind=directory ;;
    'enhance-eval degrade --config') kind=file ;;
    'enhance-eval degrade --shard') kind=any ;;
    'enhance-eval degrade --seed') kind=any ;;
    'enhance-eval score --pred') kind=directory ;;
    'enhance-eval score --reference') kind=directory ;;
    'enhance-eval score --input') kind=directory ;;
    'enhance-eval score --measures') kind=any ;;
    'enhance-eval score --labels') kind=file ;;
    'enhance-eval score --detections') kind=file ;;
    'enhance-eval score --out' | 'enhance-eval score -o') kind=directory ;;
    'enhance-eval score --config') kind=file ;;
    'enhance-eval score --shard') kind=any ;;
    'enhance-eval report --bootstrap') kind=any ;;
    'enhance-eval report --alpha') kind=any ;;
    'enhance-eval report --out' | 'enhance-eval report -o') kind=directory ;;
    'enhance-eval report --config') kind=file ;;
    'enhance-eval report --seed') kind=any ;;
    'enhance-eval train --steps') kind=any ;;
    'enhance-eval train --batch-size') kind=any ;;
    'enhance-eval train --lr') kind=any ;;
    'enhance-eval train --scenes') kind=any ;;
    'enhance-eval train --out' | 'enhance-eval train -o') kind=directory ;;
    'enhance-eval train --config') kind=file ;;
    'enhance-eval train --device') kind=any ;;
    'enhance-eval train --threads') kind=any ;;
    'enhance-eval train --seed') kind=any ;;
    'submit --array') kind=any ;;
    'submit --gpus') kind=any ;;
    'submit --cpus') kind=any ;;
    'submit --mem') kind=any ;;
    'submit --time') kind=any ;;
    'submit --partition') kind=any ;;
    'submit --account') kind=any ;;
    'submit --qos') kind=any ;;
    'submit --constraint') kind=any ;;
    'submit --scheduler-arg') kind=any ;;
    'submit --setup') kind=file ;;
    'submit --executor') kind=choice choices=('auto' 'slurm' 'local' 'debug') ;;
    esac
}

_vcli() {
    local node='' word kind=none default argument i place=1
    local -a verbs options choices arguments group_verbs
    _vcli_facts ''
    for (( i = 2; i < CURRENT; i++ )); do
        word=${words[i]}
        if [[ $kind != none ]]; then
            kind=none
        elif [[ $word == -* ]]; then
            [[ -n $default ]] && { node="$node $default"; _vcli_facts "$node" }
            [[ $word == *=* ]] || _vcli_value "$node" "$word"
        elif (( ${verbs[(I)$word:*]} )); then
            node="${node:+$node }$word"; _vcli_facts "$node"
        else
            [[ -n $default ]] && { node="$node $default"; _vcli_facts "$node" }
            (( place++ ))
        fi
    done
    if [[ $kind == none && -n $default ]]; then
        group_verbs=("${verbs[@]}") node="$node $default"
        _vcli_facts "$node"
        verbs=("${group_verbs[@]}")
    fi
    if [[ $kind == none && $PREFIX == --*=* ]]; then
        _vcli_value "$node" "${PREFIX%%=*}"
        compset -P '*='
    fi
    case $kind in
    choice) compadd -a choices ;;
    file) _files ;;
    directory) _files -/ ;;
    any) _message value ;;
    none)
        if [[ $PREFIX == -* ]]; then
            _describe -o option options
        else
            (( $#verbs )) && _describe command verbs
            # The argument whose turn it is; one that ends with ... may stand there again and again.
            argument=${arguments[place]-}
            [[ -z $argument && ${arguments[-1]-} == *... ]] && argument=${arguments[-1]}
            argument=${argument%...}
            case $argument in
            'choice '*) choices=(${=argument#choice }); compadd -a choices ;;
            file) _files ;;
            directory) _files -/ ;;
            esac
        fi
        ;;
    esac
}

if [[ ${funcstack[1]} == _vcli ]]; then _vcli "$@"; else compdef _vcli vcli; fi
